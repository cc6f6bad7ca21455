// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

type keptManifest struct {
	Path, ContentType string
	Body              []byte
}

// The registry keeps manifests in memory alone. This keeps each that it accepted as a file too, and hands it all of them at the start.
func keepManifests(next http.Handler, dir string) (http.Handler, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	if err := restore(next, dir); err != nil {
		return nil, err
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		isChange := strings.Contains(r.URL.Path, "/manifests/") && (r.Method == http.MethodPut || r.Method == http.MethodDelete)
		if !isChange {
			next.ServeHTTP(w, r)
			return
		}
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 4<<20))
		if err != nil {
			http.Error(w, err.Error(), http.StatusRequestEntityTooLarge)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		answer := httptest.NewRecorder()
		next.ServeHTTP(answer, r)
		if answer.Code < 300 {
			if err := keep(dir, r, body); err != nil {
				http.Error(w, err.Error(), http.StatusInternalServerError)
				return
			}
		}
		for name, values := range answer.Header() {
			w.Header()[name] = values
		}
		w.WriteHeader(answer.Code)
		w.Write(answer.Body.Bytes())
	}), nil
}

func keep(dir string, r *http.Request, body []byte) error {
	file := filepath.Join(dir, url.PathEscape(strings.TrimPrefix(r.URL.Path, "/v2/")))
	if r.Method == http.MethodDelete {
		return os.Remove(file)
	}
	text, err := json.Marshal(keptManifest{r.URL.Path, r.Header.Get("Content-Type"), body})
	if err != nil {
		return err
	}
	if err := os.WriteFile(file+"~", text, 0o600); err != nil {
		return err
	}
	return os.Rename(file+"~", file)
}

// An index is refused before what it names, so the refused ones are tried again as long as that helps.
func restore(next http.Handler, dir string) error {
	files, err := filepath.Glob(filepath.Join(dir, "*[^~]"))
	if err != nil {
		return err
	}
	for len(files) > 0 {
		var refused []string
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				return err
			}
			var kept keptManifest
			if err := json.Unmarshal(text, &kept); err != nil {
				return fmt.Errorf("%s: %w", file, err)
			}
			request := httptest.NewRequest(http.MethodPut, kept.Path, bytes.NewReader(kept.Body))
			request.Header.Set("Content-Type", kept.ContentType)
			answer := httptest.NewRecorder()
			if next.ServeHTTP(answer, request); answer.Code >= 300 {
				refused = append(refused, file)
			}
		}
		if len(refused) == len(files) {
			return fmt.Errorf("the registry takes %d manifests of %s no more", len(files), dir)
		}
		files = refused
	}
	return nil
}
