// SPDX-License-Identifier: Apache-2.0

// Fulcio's own certificate authority, identity checks and HTTP API, with a CA key in a file. Its released command also serves metrics on every address,
// with no flag to tell it otherwise, and ends when that port is taken; this one opens the API's listener alone.
package main

import (
	"context"
	"flag"
	"log"
	"net/http"
	"os"
	"strings"
	"time"

	ct "github.com/google/certificate-transparency-go/client"
	"github.com/google/certificate-transparency-go/jsonclient"
	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"github.com/sigstore/fulcio/pkg/ca/fileca"
	"github.com/sigstore/fulcio/pkg/config"
	"github.com/sigstore/fulcio/pkg/generated/protobuf"
	"github.com/sigstore/fulcio/pkg/server"
	common "github.com/sigstore/protobuf-specs/gen/pb-go/common/v1"
	"github.com/sigstore/sigstore/pkg/signature"
	"google.golang.org/grpc/metadata"
)

type options struct {
	address, config, certificate, key, ctLog, ctKey string
}

func main() {
	var o options
	flag.StringVar(&o.address, "address", "127.0.0.1:5555", "host:port of the API")
	flag.StringVar(&o.config, "config-path", "", "Fulcio's configuration: the issuers it trusts")
	flag.StringVar(&o.certificate, "fileca-cert", "", "PEM certificate of the CA")
	flag.StringVar(&o.key, "fileca-key", "", "PEM private key of the CA")
	flag.StringVar(&o.ctLog, "ct-log-url", "", "URL of the certificate transparency log")
	flag.StringVar(&o.ctKey, "ct-log-public-key-path", "", "PEM public key of that log")
	flag.Parse()
	handler, err := o.handler(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	log.Printf("listening on http://%s", o.address)
	api := &http.Server{Addr: o.address, Handler: handler, ReadTimeout: time.Minute, WriteTimeout: time.Minute}
	log.Fatal(api.ListenAndServe())
}

func (o options) handler(ctx context.Context) (http.Handler, error) {
	// A missing file would be read as "trust the public issuers".
	if _, err := os.Stat(o.config); err != nil {
		return nil, err
	}
	issuers, err := config.Load(o.config)
	if err != nil {
		return nil, err
	}
	authority, err := fileca.NewFileCA(o.certificate, o.key, "", false)
	if err != nil {
		return nil, err
	}
	ctKey, err := os.ReadFile(o.ctKey)
	if err != nil {
		return nil, err
	}
	ctLog, err := ct.New(o.ctLog, &http.Client{Timeout: 30 * time.Second}, jsonclient.Options{PublicKey: string(ctKey)})
	if err != nil {
		return nil, err
	}
	algorithms, err := signature.NewAlgorithmRegistryConfig([]common.PublicKeyDetails{
		common.PublicKeyDetails_PKIX_ECDSA_P256_SHA_256,
		common.PublicKeyDetails_PKIX_ECDSA_P384_SHA_384,
		common.PublicKeyDetails_PKIX_ECDSA_P521_SHA_512,
		common.PublicKeyDetails_PKIX_RSA_PKCS1V15_2048_SHA256,
		common.PublicKeyDetails_PKIX_RSA_PKCS1V15_3072_SHA256,
		common.PublicKeyDetails_PKIX_RSA_PKCS1V15_4096_SHA256,
		common.PublicKeyDetails_PKIX_ED25519,
	})
	if err != nil {
		return nil, err
	}
	gateway := runtime.NewServeMux(runtime.WithMetadata(bearerToken))
	ca := server.NewGRPCCAServer(ctLog, authority, algorithms, server.NewIssuerPool(issuers))
	if err := protobuf.RegisterCAHandlerServer(ctx, gateway, ca); err != nil {
		return nil, err
	}
	withIssuers := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		gateway.ServeHTTP(w, r.WithContext(config.With(r.Context(), issuers)))
	})
	return server.WithMaxBytes(withIssuers, 4<<20), nil
}

// Clients give the token here or in the request.
func bearerToken(_ context.Context, r *http.Request) metadata.MD {
	return metadata.Pairs(server.MetadataOIDCTokenKey, strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "))
}
