// SPDX-License-Identifier: Apache-2.0

// "gator verify" with external data: gator's own runner of suites over Gatekeeper's own constraint framework, with the providers that Gatekeeper would have,
// asked by the client that Gatekeeper asks with. The released gator compiles no template that uses external data.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/open-policy-agent/frameworks/constraint/pkg/apis/externaldata/unversioned"
	constraintclient "github.com/open-policy-agent/frameworks/constraint/pkg/client"
	"github.com/open-policy-agent/frameworks/constraint/pkg/client/drivers/rego"
	"github.com/open-policy-agent/frameworks/constraint/pkg/externaldata"
	"github.com/open-policy-agent/gatekeeper/v3/pkg/gator"
	"github.com/open-policy-agent/gatekeeper/v3/pkg/gator/verify"
	"sigs.k8s.io/controller-runtime/pkg/certwatcher"
	"sigs.k8s.io/yaml"
)

func main() {
	providers := flag.String("providers", "", "Provider manifests, separated by commas")
	cert := flag.String("cert", "", "PEM client certificate")
	key := flag.String("key", "", "PEM key of the client certificate")
	cache := flag.Duration("response-cache-ttl", 0, "as the flag of Gatekeeper; 0 keeps no answer")
	flag.Parse()
	if err := run(flag.Arg(0), strings.Split(*providers, ","), *cert, *key, *cache); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(path string, manifests []string, cert, key string, cacheTTL time.Duration) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	args := []rego.Arg{}
	known := externaldata.NewCache()
	// The driver gives the cache its HTTP clients before the first provider comes in, as in Gatekeeper.
	args = append(args, rego.AddExternalDataProviderCache(known))
	known.SetClientCache(externaldata.DefaultClientCache())
	for _, manifest := range manifests {
		provider, err := readProvider(manifest)
		if err != nil {
			return err
		}
		if err := known.Upsert(provider); err != nil {
			return fmt.Errorf("%s: %w", manifest, err)
		}
	}
	if cert != "" {
		watcher, err := certwatcher.New(cert, key)
		if err != nil {
			return err
		}
		args = append(args, rego.EnableExternalDataClientAuth(), rego.AddExternalDataClientCertWatcher(watcher))
	}
	if cacheTTL > 0 {
		args = append(args, rego.AddExternalDataProviderResponseCache(externaldata.NewProviderResponseCache(ctx, cacheTTL)))
	}
	return verifySuites(ctx, path, args)
}

func readProvider(path string) (*unversioned.Provider, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	provider := &unversioned.Provider{}
	return provider, yaml.UnmarshalStrict(text, provider)
}

func verifySuites(ctx context.Context, path string, args []rego.Arg) error {
	absolute, err := filepath.Abs(path)
	if err != nil {
		return err
	}
	files := os.DirFS("/")
	suites, err := verify.ReadSuites(files, strings.Trim(absolute, "/"), path, true)
	if err != nil {
		return err
	}
	if len(suites) == 0 {
		return fmt.Errorf("no suite below %s", path)
	}
	withData := func() ([]constraintclient.Opt, []rego.Arg, error) { return nil, args, nil }
	newClient := func(opts ...gator.Opt) (gator.Client, error) { return gator.NewOPAClient(false, append(opts, withData)...) }
	runner, err := verify.NewRunner(fs.FS(files), newClient)
	if err != nil {
		return err
	}
	filter, err := verify.NewFilter("")
	if err != nil {
		return err
	}
	var results []verify.SuiteResult
	failed := false
	for _, suite := range suites {
		result := runner.Run(ctx, filter, suite)
		results = append(results, result)
		failed = failed || result.IsFailure()
	}
	out := &strings.Builder{}
	if err := (verify.PrinterGo{}).Print(out, results, true); err != nil {
		return err
	}
	fmt.Println(out)
	if failed {
		return errors.New("FAIL")
	}
	return nil
}
