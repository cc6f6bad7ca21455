// SPDX-License-Identifier: Apache-2.0

// Judges Kubernetes objects by Gatekeeper policies, as "gator test" and "gator verify" do and with their code, for a program that talks to it: a request a line on
// stdin, an answer a line on stdout, both JSON. It reads no file, opens no connection, and knows of external data only what it was told.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"syscall"
)

// What is asked. Files are those of a folder with policies, or of suites and all that they name, in the order in which they count.
type request struct {
	// "test" or "verify".
	Do    string `json:"do"`
	Files []file `json:"files"`
	// Of "verify": which tests and cases, as for "gator verify --run".
	Run string `json:"run"`
	// What is known of external data by now.
	Facts []fact `json:"facts"`
}

type file struct {
	Name string `json:"name"`
	Text string `json:"text"`
}

// One of error, missing and the rest.
type answer struct {
	// Why nothing could be judged: a file is no YAML, a template does not compile, a constraint does not fit its template.
	Error string `json:"error,omitempty"`
	// Facts that the policies asked for and that are not known. Nothing was judged.
	Missing []missing `json:"missing,omitempty"`
	// The Providers among the files, beside missing.
	Providers []provider `json:"providers,omitempty"`
	*tested
	*verified
}

func main() {
	external := flag.Bool("external-data", false, "let policies call external_data; without it a template that does is refused, as by gator")
	memory := flag.Uint64("memory", 0, "bytes of memory after which the process ends; 0 sets no limit")
	cpu := flag.Uint64("cpu", 0, "seconds of processor time after which the process ends; 0 sets no limit")
	flag.Parse()
	if err := limit(*memory, *cpu); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if err := run(*external, os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// Limits of the system for this process, which no policy gets around.
func limit(memory, cpu uint64) error {
	if memory > 0 {
		if err := syscall.Setrlimit(syscall.RLIMIT_DATA, &syscall.Rlimit{Cur: memory, Max: memory}); err != nil {
			return fmt.Errorf("the limit of memory cannot be set: %w", err)
		}
	}
	if cpu > 0 {
		if err := syscall.Setrlimit(syscall.RLIMIT_CPU, &syscall.Rlimit{Cur: cpu, Max: cpu}); err != nil {
			return fmt.Errorf("the limit of processor time cannot be set: %w", err)
		}
	}
	return nil
}

func run(external bool, in io.Reader, out io.Writer) error {
	if external {
		registerExternalData()
	}
	decoder := json.NewDecoder(bufio.NewReader(in))
	encoder := json.NewEncoder(out)
	for {
		var asked request
		if err := decoder.Decode(&asked); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("the request cannot be read: %w", err)
		}
		if err := encoder.Encode(answerTo(&asked)); err != nil {
			return err
		}
	}
}

func answerTo(asked *request) answer {
	known.reset(asked.Facts)
	var said answer
	var err error
	switch asked.Do {
	case "test":
		said.tested, err = test(asked.Files)
	case "verify":
		said.verified, err = verifySuites(asked.Files, asked.Run)
	default:
		err = fmt.Errorf("%q is neither test nor verify", asked.Do)
	}
	// What was judged without all facts is worth nothing, its errors included.
	if asking := known.missing(); len(asking) > 0 {
		return answer{Missing: asking, Providers: providersOf(asked.Files)}
	}
	if err != nil {
		return answer{Error: err.Error()}
	}
	return said
}
