// Command rangeserver serves a folder over HTTP/1.1 with byte ranges, after a latency, and counts
// what it is asked for. Demo, tests and benchmarks read their archives from it.
//
//	rangeserver --root DIR [--latency 30ms] [--port 0]
//
// It prints the port that it listens on as its first line, and exits when its standard input
// closes, so that it never outlives the process that started it.
//
//	GET  /_stats      counters since the start or the last reset, as JSON
//	GET  /_requests   every request since then, in the order of arrival, as JSON
//	POST /_reset      sets both back; ?latency=100ms changes the latency as well
package main

import (
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"time"
)

func main() {
	root := flag.String("root", ".", "folder to serve")
	latency := flag.Duration("latency", 0, "time from a request's arrival to its first byte")
	port := flag.Int("port", 0, "TCP port on 127.0.0.1; 0 picks a free one")
	flag.Parse()

	listener, err := net.Listen("tcp4", fmt.Sprintf("127.0.0.1:%d", *port))
	if err != nil {
		log.Fatalf("rangeserver: %v", err)
	}
	fmt.Println(listener.Addr().(*net.TCPAddr).Port)
	go exitWithParent(os.Stdin)

	server := &http.Server{Handler: newHandler(*root, *latency), ReadHeaderTimeout: 10 * time.Second}
	log.Fatalf("rangeserver: %v", server.Serve(listener))
}

// exitWithParent ends the process when in, a pipe from the parent, closes.
func exitWithParent(in io.Reader) {
	_, _ = io.Copy(io.Discard, in)
	os.Exit(0)
}
