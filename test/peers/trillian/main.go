// SPDX-License-Identifier: Apache-2.0

// A Trillian log server and its sequencer in one process on Trillian's own memory storage, for a Rekor v1 that needs no database.
// The released log server does not link that storage, and two processes could not share it. The log ends with the process.
package main

import (
	"context"
	"errors"
	"flag"
	"net"
	"net/http"
	"os/signal"
	"syscall"
	"time"

	"github.com/google/trillian"
	"github.com/google/trillian/extension"
	"github.com/google/trillian/log"
	"github.com/google/trillian/monitoring/prometheus"
	"github.com/google/trillian/quota"
	"github.com/google/trillian/server"
	"github.com/google/trillian/server/admin"
	"github.com/google/trillian/server/interceptor"
	"github.com/google/trillian/storage/memory"
	"github.com/google/trillian/util/clock"
	"github.com/google/trillian/util/election2"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"google.golang.org/grpc"
	"k8s.io/klog/v2"
)

func main() {
	rpc := flag.String("rpc_endpoint", "127.0.0.1:8090", "host:port of the gRPC API")
	web := flag.String("http_endpoint", "127.0.0.1:2112", "host:port of /metrics")
	interval := flag.Duration("sequencer_interval", 20*time.Millisecond, "pause between two runs of the sequencer")
	klog.InitFlags(nil)
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := serve(ctx, *rpc, *web, *interval); err != nil {
		klog.Exitf("trillian: %v", err)
	}
}

func serve(ctx context.Context, rpc, web string, interval time.Duration) error {
	metrics := prometheus.MetricFactory{}
	trees := memory.NewTreeStorage()
	registry := extension.Registry{
		AdminStorage:    memory.NewAdminStorage(trees),
		LogStorage:      memory.NewLogStorage(trees, metrics),
		ElectionFactory: election2.NoopFactory{},
		QuotaManager:    quota.Noop(),
		MetricFactory:   metrics,
	}

	webListener, err := net.Listen("tcp", web)
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle("/metrics", promhttp.Handler())
	webServer := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	go func() {
		if err := webServer.Serve(webListener); !errors.Is(err, http.ErrServerClosed) {
			klog.Exitf("metrics: %v", err)
		}
	}()

	listener, err := net.Listen("tcp", rpc)
	if err != nil {
		return err
	}
	rpcServer := grpc.NewServer(grpc.UnaryInterceptor(interceptor.ErrorWrapper))
	trillian.RegisterTrillianLogServer(rpcServer, server.NewTrillianLogRPCServer(registry, clock.System))
	trillian.RegisterTrillianAdminServer(rpcServer, admin.New(registry, nil))

	sequencer := log.NewOperationManager(log.OperationInfo{
		Registry:    registry,
		BatchSize:   100,
		NumWorkers:  1,
		RunInterval: interval,
		TimeSource:  clock.System,
	}, log.NewSequencerManager(registry, 0))
	go sequencer.OperationLoop(ctx)
	go func() {
		<-ctx.Done()
		rpcServer.Stop()
		webServer.Close()
	}()
	return rpcServer.Serve(listener)
}
