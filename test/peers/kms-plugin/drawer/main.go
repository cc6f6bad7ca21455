// SPDX-License-Identifier: Apache-2.0

// sigstore-kms-drawer keeps keys in files: drawer:///path/key.pem is a PKCS#8 key there.
// It is a plugin as sigstore's own package serves them, for what cosign and ours call alike.
package main

import (
	"context"
	"crypto"
	"errors"
	"os"

	"github.com/sigstore/sigstore/pkg/cryptoutils"
	"github.com/sigstore/sigstore/pkg/signature"
	"github.com/sigstore/sigstore/pkg/signature/kms/cliplugin/handler"
)

type drawer struct{ signature.SignerVerifier }

func (drawer) CreateKey(context.Context, string) (crypto.PublicKey, error) {
	return nil, errors.New("this drawer makes no keys")
}

func (d drawer) CryptoSigner(context.Context, func(error)) (crypto.Signer, crypto.SignerOpts, error) {
	return nil, nil, errors.New("a client makes its own crypto.Signer")
}

func (drawer) SupportedAlgorithms() []string { return []string{"ecdsa-p256"} }
func (drawer) DefaultAlgorithm() string      { return "ecdsa-p256" }

func main() {
	if err := serve(); err != nil {
		if handler.WriteErrorResponse(os.Stdout, err) != nil {
			os.Exit(2)
		}
		os.Exit(1)
	}
}

func serve() error {
	args, err := handler.GetPluginArgs(os.Args)
	if err != nil {
		return err
	}
	pem, err := os.ReadFile(args.InitOptions.KeyResourceID)
	if err != nil {
		return err
	}
	key, err := cryptoutils.UnmarshalPEMToPrivateKey(pem, cryptoutils.SkipPassword)
	if err != nil {
		return err
	}
	signer, err := signature.LoadSignerVerifier(key, args.InitOptions.HashFunc)
	if err != nil {
		return err
	}
	_, err = handler.Dispatch(os.Stdout, os.Stdin, args, drawer{signer})
	return err
}
