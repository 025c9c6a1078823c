package main

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// serve starts the handler over a folder that holds a.bin, 1000 bytes.
func serve(t *testing.T, latency time.Duration) *httptest.Server {
	t.Helper()
	root := t.TempDir()
	data := make([]byte, 1000)
	for i := range data {
		data[i] = byte(i)
	}
	if err := os.WriteFile(filepath.Join(root, "a.bin"), data, 0o600); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(newHandler(root, latency))
	t.Cleanup(server.Close)
	return server
}

func get(t *testing.T, url, byteRange string) (int, []byte) {
	t.Helper()
	req, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if byteRange != "" {
		req.Header.Set("Range", byteRange)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, body
}

func statsOf(t *testing.T, server *httptest.Server) (s stats) {
	t.Helper()
	_, body := get(t, server.URL+"/_stats", "")
	if err := json.Unmarshal(body, &s); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestRangesAndCounters(t *testing.T) {
	server := serve(t, 0)
	status, body := get(t, server.URL+"/a.bin", "bytes=10-19")
	if status != http.StatusPartialContent || len(body) != 10 || body[0] != 10 {
		t.Fatalf("range: status %d, %d bytes", status, len(body))
	}
	if status, _ := get(t, server.URL+"/../../etc/passwd", ""); status != http.StatusNotFound {
		t.Fatalf("a path above the root gave %d", status)
	}
	got := statsOf(t, server)
	if got.Requests != 2 || got.InFlight != 0 || got.MaxInFlight != 1 {
		t.Fatalf("stats %+v", got)
	}
	var log []request
	if _, body := get(t, server.URL+"/_requests", ""); json.Unmarshal(body, &log) != nil ||
		len(log) != 2 || log[0].Range != "bytes=10-19" || log[0].Bytes != 10 || log[1].Status != 404 {
		t.Fatalf("requests %+v", log)
	}
}

func TestLatencyAndInFlight(t *testing.T) {
	server := serve(t, 100*time.Millisecond)
	start := time.Now()
	var wait sync.WaitGroup
	for range 5 {
		wait.Go(func() { get(t, server.URL+"/a.bin", "") })
	}
	wait.Wait()
	if elapsed := time.Since(start); elapsed < 100*time.Millisecond {
		t.Fatalf("five requests took %v", elapsed)
	}
	if got := statsOf(t, server); got.MaxInFlight != 5 || got.Bytes != 5000 {
		t.Fatalf("stats %+v", got)
	}
}

func TestResetChangesLatency(t *testing.T) {
	server := serve(t, time.Hour)
	resp, err := http.Post(server.URL+"/_reset?latency=0s", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if status, body := get(t, server.URL+"/a.bin", ""); status != 200 || len(body) != 1000 {
		t.Fatalf("status %d, %d bytes", status, len(body))
	}
}

func TestAbortedRequests(t *testing.T) {
	server := serve(t, time.Hour)
	ctx, leave := context.WithCancel(context.Background())
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL+"/a.bin", nil)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() {
		_, err := http.DefaultClient.Do(req)
		ended <- err
	}()
	for statsOf(t, server).InFlight == 0 {
		time.Sleep(time.Millisecond)
	}
	left := time.Now().UnixNano()
	leave()
	if err := <-ended; err == nil {
		t.Fatal("the request was answered")
	}
	for deadline := time.Now().Add(5 * time.Second); statsOf(t, server).Aborted == 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the server never saw the client leave")
		}
	}
	var log []request
	if _, body := get(t, server.URL+"/_requests", ""); json.Unmarshal(body, &log) != nil ||
		len(log) != 1 || log[0].Aborted < left {
		t.Fatalf("requests %+v, left at %d", log, left)
	}
}
