package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"sync"
	"time"
)

// stats are the counters of GET /_stats. Requests to the server's own pages are not counted.
type stats struct {
	Requests    int   `json:"requests"`
	Bytes       int64 `json:"bytes"`         // of response bodies
	InFlight    int   `json:"in_flight"`     // now
	MaxInFlight int   `json:"max_in_flight"` // most at any moment
	Aborted     int   `json:"aborted"`       // left by the client before the first byte
}

// request is one entry of GET /_requests.
type request struct {
	Method string `json:"method"`
	Path   string `json:"path"`
	Range  string `json:"range"` // as sent; empty without one
	Status int    `json:"status"`
	Bytes  int64  `json:"bytes"` // of the response body
	// When the client was seen to leave before the first byte, in Unix nanoseconds; 0 if it stayed.
	Aborted int64 `json:"aborted_ns,omitempty"`
}

// handler serves root and keeps the counters.
type handler struct {
	root string
	mux  *http.ServeMux

	mu       sync.Mutex
	latency  time.Duration
	stats    stats
	requests []*request
}

func newHandler(root string, latency time.Duration) *handler {
	h := &handler{root: root, latency: latency, mux: http.NewServeMux()}
	h.mux.HandleFunc("GET /_stats", h.serveStats)
	h.mux.HandleFunc("GET /_requests", h.serveRequests)
	h.mux.HandleFunc("POST /_reset", h.serveReset)
	h.mux.HandleFunc("GET /", h.serveFile)
	return h
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) { h.mux.ServeHTTP(w, r) }

func (h *handler) serveFile(w http.ResponseWriter, r *http.Request) {
	entry := &request{Method: r.Method, Path: r.URL.Path, Range: r.Header.Get("Range")}
	latency := h.begin(entry)
	counted := &countingWriter{ResponseWriter: w, status: http.StatusOK}
	defer func() { h.end(entry, counted) }()

	select {
	case <-time.After(latency):
	case <-r.Context().Done():
		h.mu.Lock()
		h.stats.Aborted++
		entry.Aborted = time.Now().UnixNano()
		h.mu.Unlock()
		return
	}

	name := filepath.Join(h.root, filepath.FromSlash(path.Clean("/"+r.URL.Path)))
	file, err := os.Open(name)
	if err != nil {
		http.NotFound(counted, r)
		return
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil || info.IsDir() {
		http.NotFound(counted, r)
		return
	}
	counted.Header().Set("ETag", fmt.Sprintf(`"%x-%x"`, info.Size(), info.ModTime().UnixNano()))
	http.ServeContent(counted, r, "", info.ModTime(), file)
}

// begin counts a request as in flight and gives the latency it shall have.
func (h *handler) begin(entry *request) time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.stats.Requests++
	h.stats.InFlight++
	h.stats.MaxInFlight = max(h.stats.MaxInFlight, h.stats.InFlight)
	h.requests = append(h.requests, entry)
	return h.latency
}

func (h *handler) end(entry *request, w *countingWriter) {
	h.mu.Lock()
	defer h.mu.Unlock()
	entry.Status, entry.Bytes = w.status, w.bytes
	h.stats.InFlight--
	h.stats.Bytes += w.bytes
}

func (h *handler) serveStats(w http.ResponseWriter, _ *http.Request) {
	h.mu.Lock()
	defer h.mu.Unlock()
	writeJSON(w, h.stats)
}

func (h *handler) serveRequests(w http.ResponseWriter, _ *http.Request) {
	h.mu.Lock()
	defer h.mu.Unlock()
	writeJSON(w, h.requests)
}

func (h *handler) serveReset(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if text := r.URL.Query().Get("latency"); text != "" {
		latency, err := time.ParseDuration(text)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		h.latency = latency
	}
	// Requests that are still running end later: they stay in flight, and out of the new list.
	h.stats = stats{InFlight: h.stats.InFlight, MaxInFlight: h.stats.InFlight}
	h.requests = []*request{}
	writeJSON(w, h.stats)
}

func writeJSON(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(value)
}

// countingWriter notes the status and the number of body bytes of a response.
type countingWriter struct {
	http.ResponseWriter
	status int
	bytes  int64
}

func (w *countingWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

func (w *countingWriter) Write(p []byte) (int, error) {
	n, err := w.ResponseWriter.Write(p)
	w.bytes += int64(n)
	return n, err
}
