// SPDX-License-Identifier: Apache-2.0

// The timestamp authority's own server with a key file. Its released command also serves metrics on port 2112 of every address, with no flag to tell it
// otherwise, and ends when that port is taken; this one starts the API alone.
package main

import (
	"flag"
	"log"
	"time"

	"github.com/sigstore/timestamp-authority/v2/pkg/server"
	"github.com/spf13/viper"
)

func main() {
	host := flag.String("host", "127.0.0.1", "address of the API")
	port := flag.Int("port", 3004, "port of the API")
	key := flag.String("file-signer-key-path", "", "PEM private key")
	chain := flag.String("certificate-chain-path", "", "PEM certificates of that key, leaf first")
	flag.Parse()

	for name, value := range map[string]any{
		"timestamp-signer":         "file",
		"timestamp-signer-hash":    "sha256",
		"file-signer-key-path":     *key,
		"certificate-chain-path":   *chain,
		"enforce-intermediate-eku": true,
		"max-request-body-size":    uint64(1 << 20),
	} {
		viper.Set(name, value)
	}
	api := server.NewRestAPIServer(*host, *port, []string{"http"}, false, 10*time.Second, 10*time.Second)
	if err := api.Serve(); err != nil {
		log.Fatal(err)
	}
}
