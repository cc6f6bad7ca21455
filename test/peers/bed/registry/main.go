// SPDX-License-Identifier: Apache-2.0

// registry serves go-containerregistry's registry from a folder, with or without the referrers API of OCI 1.1.
package main

import (
	"flag"
	"io"
	"log"
	"net/http"
	"os"
	"path/filepath"

	"github.com/google/go-containerregistry/pkg/registry"
)

func main() {
	address := flag.String("address", "127.0.0.1:5000", "host:port to listen on")
	dir := flag.String("dir", "", "folder that keeps blobs and manifests")
	referrers := flag.Bool("referrers", false, "serve the referrers API")
	flag.Parse()

	blobs := filepath.Join(*dir, "blobs")
	if err := os.MkdirAll(blobs, 0o700); err != nil {
		log.Fatal(err)
	}
	quiet := log.New(io.Discard, "", 0)
	served := registry.New(
		registry.Logger(quiet),
		registry.WithReferrersSupport(*referrers),
		registry.WithBlobHandler(registry.NewDiskBlobHandler(blobs)),
	)
	kept, err := keepManifests(served, filepath.Join(*dir, "manifests"))
	if err != nil {
		log.Fatal(err)
	}
	log.Printf("listening on %s, referrers API %t", *address, *referrers)
	log.Fatal(http.ListenAndServe(*address, kept))
}
