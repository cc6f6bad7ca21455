// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"net/http"
	"sort"
	"sync"

	"github.com/open-policy-agent/frameworks/constraint/pkg/apis/externaldata/unversioned"
	"github.com/open-policy-agent/frameworks/constraint/pkg/externaldata"
	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
	opatypes "github.com/open-policy-agent/opa/v1/types"
	"k8s.io/apimachinery/pkg/runtime"
)

// What a provider said about a key: its items for it, which are none when it gave no answer, and the error of the answer as a whole.
type fact struct {
	Provider    string              `json:"provider"`
	Key         string              `json:"key"`
	Items       []externaldata.Item `json:"items"`
	SystemError string              `json:"systemError"`
	// 0 stands for 200.
	StatusCode int `json:"statusCode"`
}

type missing struct {
	Provider string   `json:"provider"`
	Keys     []string `json:"keys"`
}

// A Provider among the files (externaldata.gatekeeper.sh/v1beta1).
type provider struct {
	Name string `json:"name"`
	unversioned.ProviderSpec
}

type place struct{ provider, key string }

type facts struct {
	lock  sync.Mutex
	known map[place]fact
	asked map[place]bool
}

// The function that policies call is one of the whole process.
var known facts

func (f *facts) reset(given []fact) {
	f.lock.Lock()
	defer f.lock.Unlock()
	f.known = map[place]fact{}
	f.asked = map[place]bool{}
	for _, one := range given {
		f.known[place{one.Provider, one.Key}] = one
	}
}

// The facts about all keys; false when one is missing, which is then noted.
func (f *facts) about(provider string, keys []string) ([]fact, bool) {
	f.lock.Lock()
	defer f.lock.Unlock()
	var found []fact
	for _, key := range keys {
		if one, ok := f.known[place{provider, key}]; ok {
			found = append(found, one)
		} else {
			f.asked[place{provider, key}] = true
		}
	}
	return found, len(found) == len(keys)
}

func (f *facts) missing() []missing {
	f.lock.Lock()
	defer f.lock.Unlock()
	byProvider := map[string][]string{}
	for one := range f.asked {
		byProvider[one.provider] = append(byProvider[one.provider], one.key)
	}
	var all []missing
	for provider, keys := range byProvider {
		sort.Strings(keys)
		all = append(all, missing{provider, keys})
	}
	sort.Slice(all, func(i, j int) bool { return all[i].Provider < all[j].Provider })
	return all
}

// Makes external_data a function of every policy, as Gatekeeper's own driver does when it has providers, under the same name and type.
func registerExternalData() {
	function := &rego.Function{Name: "external_data", Decl: opatypes.NewFunction(opatypes.Args(opatypes.A), opatypes.A), Memoize: true}
	rego.RegisterBuiltin1(function, externalData)
}

func externalData(_ rego.BuiltinContext, argument *ast.Term) (*ast.Term, error) {
	var asked externaldata.RegoRequest
	if err := ast.As(argument.Value, &asked); err != nil {
		return nil, err
	}
	found, complete := known.about(asked.ProviderName, asked.Keys)
	if !complete {
		return externaldata.HandleError(http.StatusServiceUnavailable, errors.New("not known yet"))
	}
	// As in Gatekeeper without a cache: an answer as a whole, and status 0 when there was nothing to ask.
	response := externaldata.Response{Idempotent: true}
	status := 0
	for _, one := range found {
		if one.SystemError != "" {
			response.SystemError = one.SystemError
		}
		if status == 0 || one.StatusCode != 0 {
			status = statusOf(one)
		}
		for _, item := range one.Items {
			item.Key = one.Key
			response.Items = append(response.Items, item)
		}
	}
	return externaldata.PrepareRegoResponse(externaldata.NewRegoResponse(status, &externaldata.ProviderResponse{Response: response}))
}

func statusOf(one fact) int {
	if one.StatusCode == 0 {
		return http.StatusOK
	}
	return one.StatusCode
}

func providersOf(files []file) []provider {
	objects, _, err := readObjects(files)
	if err != nil {
		return nil
	}
	var found []provider
	for _, one := range objects {
		if kind := one.GroupVersionKind(); kind.Group != "externaldata.gatekeeper.sh" || kind.Kind != "Provider" {
			continue
		}
		typed := unversioned.Provider{}
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(one.Object, &typed); err == nil {
			found = append(found, provider{one.GetName(), typed.Spec})
		}
	}
	return found
}
