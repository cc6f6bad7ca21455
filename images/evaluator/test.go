// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"fmt"
	"strings"

	apiconstraints "github.com/open-policy-agent/frameworks/constraint/pkg/apis/constraints"
	constraintclient "github.com/open-policy-agent/frameworks/constraint/pkg/client"
	"github.com/open-policy-agent/frameworks/constraint/pkg/client/drivers/rego"
	"github.com/open-policy-agent/gatekeeper/v3/pkg/gator"
	"github.com/open-policy-agent/gatekeeper/v3/pkg/gator/reader"
	gatortest "github.com/open-policy-agent/gatekeeper/v3/pkg/gator/test"
	"github.com/open-policy-agent/gatekeeper/v3/pkg/util"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

type tested struct {
	Objects     []object     `json:"objects"`
	Constraints []constraint `json:"constraints"`
	Violations  []violation  `json:"violations"`
}

// An object of the files, in their order. Policies are objects too.
type object struct {
	File       string `json:"file"`
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Namespace  string `json:"namespace,omitempty"`
	Name       string `json:"name"`
}

// A constraint, and what follows from it here: one action, or those that it names for gator.gatekeeper.sh; none when it is for other places alone.
type constraint struct {
	Kind    string   `json:"kind"`
	Name    string   `json:"name"`
	Actions []string `json:"actions"`
}

type violation struct {
	// Index of the object.
	Object  int            `json:"object"`
	Kind    string         `json:"kind"`
	Name    string         `json:"name"`
	Message string         `json:"message"`
	Action  string         `json:"action"`
	Actions []string       `json:"actions,omitempty"`
	Details map[string]any `json:"details,omitempty"`
}

// "gator test" over the objects of the files.
func test(files []file) (*tested, error) {
	objects, known, err := readObjects(files)
	if err != nil {
		return nil, err
	}
	constraints, err := constraintsOf(objects)
	if err != nil {
		return nil, err
	}
	responses, err := gatortest.Test(objects, gatortest.WithK8sCEL(false), withoutNetwork)
	if err != nil {
		return nil, err
	}
	index := make(map[*unstructured.Unstructured]int, len(objects))
	for at, one := range objects {
		index[one] = at
	}
	said := &tested{Objects: known, Constraints: constraints, Violations: []violation{}}
	for _, result := range responses.Results() {
		said.Violations = append(said.Violations, violation{
			Object:  index[result.ViolatingObject],
			Kind:    result.Constraint.GetKind(),
			Name:    result.Constraint.GetName(),
			Message: result.Msg,
			Action:  result.EnforcementAction,
			Actions: result.ScopedEnforcementActions,
			Details: result.Metadata,
		})
	}
	return said, nil
}

func readObjects(files []file) ([]*unstructured.Unstructured, []object, error) {
	var objects []*unstructured.Unstructured
	known := []object{}
	for _, one := range files {
		found, err := reader.ReadK8sResources(bufio.NewReader(strings.NewReader(one.Text)))
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", one.Name, err)
		}
		for _, u := range found {
			known = append(known, object{one.Name, u.GetAPIVersion(), u.GetKind(), u.GetNamespace(), u.GetName()})
		}
		objects = append(objects, found...)
	}
	return objects, known, nil
}

func constraintsOf(objects []*unstructured.Unstructured) ([]constraint, error) {
	found := []constraint{}
	for _, one := range objects {
		if !reader.IsConstraint(one) {
			continue
		}
		action, err := apiconstraints.GetEnforcementAction(one)
		if err != nil {
			return nil, fmt.Errorf("constraint %s %s: %w", one.GetKind(), one.GetName(), err)
		}
		actions := []string{action}
		if apiconstraints.IsEnforcementActionScoped(action) {
			if actions, err = util.ScopedActionForEP(util.GatorEnforcementPoint, one); err != nil {
				return nil, fmt.Errorf("constraint %s %s: %w", one.GetKind(), one.GetName(), err)
			}
		}
		found = append(found, constraint{one.GetKind(), one.GetName(), actions})
	}
	return found, nil
}

// Gatekeeper as it is shipped disables http.send; gator does not. No policy reaches a network from here.
func withoutNetwork() ([]constraintclient.Opt, []rego.Arg, error) {
	return nil, []rego.Arg{rego.DisableBuiltins("http.send", "net.lookup_ip_addr")}, nil
}

var _ gator.Opt = withoutNetwork
