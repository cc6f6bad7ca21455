// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"path"
	"testing/fstest"

	"github.com/open-policy-agent/gatekeeper/v3/pkg/gator"
	"github.com/open-policy-agent/gatekeeper/v3/pkg/gator/verify"
)

type verified struct {
	Suites []suiteResult `json:"suites"`
}

// Results as gator's: an error is why a suite or test could not run, or why a case failed; what was skipped has none.
type suiteResult struct {
	File    string       `json:"file"`
	Skipped bool         `json:"skipped,omitempty"`
	Error   string       `json:"error,omitempty"`
	Tests   []testResult `json:"tests"`
}

type testResult struct {
	Name    string       `json:"name"`
	Skipped bool         `json:"skipped,omitempty"`
	Error   string       `json:"error,omitempty"`
	Cases   []caseResult `json:"cases"`
}

type caseResult struct {
	Name    string `json:"name"`
	Skipped bool   `json:"skipped,omitempty"`
	Error   string `json:"error,omitempty"`
	Print   string `json:"print,omitempty"`
}

// Suites name other files relative to their own, so all files stand in one folder, which has to have a name.
const root = "policies"

// "gator verify" over the suites among the files.
func verifySuites(files []file, run string) (*verified, error) {
	folder := fstest.MapFS{}
	for _, one := range files {
		folder[path.Join(root, one.Name)] = &fstest.MapFile{Data: []byte(one.Text), Mode: 0o444}
	}
	suites, err := verify.ReadSuites(folder, root, root, true)
	if err != nil {
		return nil, err
	}
	filter, err := verify.NewFilter(run)
	if err != nil {
		return nil, err
	}
	runner, err := verify.NewRunner(folder, func(opts ...gator.Opt) (gator.Client, error) {
		return gator.NewOPAClient(false, append(opts, gator.WithK8sCEL(), withoutNetwork)...)
	})
	if err != nil {
		return nil, err
	}
	said := &verified{Suites: []suiteResult{}}
	for _, suite := range suites {
		said.Suites = append(said.Suites, suiteResultOf(suite, runner.Run(context.Background(), filter, suite)))
	}
	return said, nil
}

func suiteResultOf(suite *verify.Suite, result verify.SuiteResult) suiteResult {
	said := suiteResult{File: suite.AbsolutePath[len(root)+1:], Skipped: result.Skipped, Error: textOf(result.Error), Tests: []testResult{}}
	for _, test := range result.TestResults {
		cases := []caseResult{}
		for _, one := range test.CaseResults {
			cases = append(cases, caseResult{one.Name, one.Skipped, textOf(one.Error), one.Print})
		}
		said.Tests = append(said.Tests, testResult{test.Name, test.Skipped, textOf(test.Error), cases})
	}
	return said
}

func textOf(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
