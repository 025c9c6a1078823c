// Command floor does the least that any reader of the same bytes must do: range requests, inflate,
// the predictor's sums, and a copy or a resampling into the output; on all cores, with every
// address known beforehand; for a cold step a bare DuckDB's start and answer before that, and a header of each file. `make
// bench` gives each row's ratio to it.
//
//	floor JOB.json
//
// The job names the tiles of cogweave's own plan (benchmarks/floor.py makes it). One line of JSON
// tells seconds, cpu (seconds), peak (bytes), requests, bytes and the sum of all output pixels.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// job is what to read. Everything beside the pixels is known before the clock starts.
type job struct {
	// InFlight is the most requests at a time; Gap the most unwanted bytes between two tiles that
	// share a request.
	InFlight int `json:"in_flight"`
	// Held starts the clock when all bytes are there: what a reader must do that keeps compressed tiles.
	Held   bool   `json:"held"`
	Gap    int64  `json:"gap"`
	Search search `json:"search"` // comes first, where there is one
	// Header is how many bytes of each file are asked for before its tiles; 0 for none.
	Header   int64     `json:"header"`
	Lattices []lattice `json:"lattices"`
	Windows  []*window `json:"windows"`
}

// lattice holds source coordinates, in pixels of the level, at every Step-th cell of an output; one
// row and column more than the cells need.
type lattice struct {
	Step int       `json:"step"`
	Cols int       `json:"cols"`
	X    []float64 `json:"x"`
	Y    []float64 `json:"y"`
}

// window is what one file gives to one output array.
type window struct {
	URL   string `json:"url"`
	Tiles []tile `json:"tiles"`
	Side  int    `json:"side"`  // pixels along a side of a tile
	Bytes int    `json:"bytes"` // of a pixel: 1 or 2
	// Kernel is "none" (decode only), "copy", "nearest", "bilinear" or "cubic".
	Kernel  string `json:"kernel"`
	Row     int    `json:"row"` // of the output's first cell in the level; for "copy"
	Col     int    `json:"col"`
	Height  int    `json:"height"`
	Width   int    `json:"width"`
	Lattice int    `json:"lattice"`
}

// tile is a compressed tile. Row, Col: its place in the level, in pixels; Rows: how many of its rows
// are needed, from the first.
type tile struct {
	Offset int64 `json:"offset"`
	Length int64 `json:"length"`
	Row    int   `json:"row"`
	Col    int   `json:"col"`
	Rows   int   `json:"rows"`
}

type told struct {
	Seconds  float64 `json:"seconds"`
	CPU      float64 `json:"cpu"`
	Peak     int64   `json:"peak"`
	Requests int64   `json:"requests"`
	Bytes    int64   `json:"bytes"`
	Sum      int64   `json:"sum"`
}

func main() {
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "floor:", err)
		os.Exit(1)
	}
}

func run(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var j job
	if err := json.Unmarshal(text, &j); err != nil {
		return err
	}
	runtime.GC()
	r := newReader(&j)
	r.start()
	if j.Search.Catalog != "" {
		if err := j.Search.answer(); err != nil {
			return err
		}
	}
	if err := r.read(); err != nil {
		return err
	}
	result := told{Seconds: time.Since(r.began).Seconds(), CPU: processorSeconds() - r.cpu, Peak: peak()}
	result.Requests, result.Bytes, result.Sum = r.requests.Load(), r.bytes.Load(), r.sum()
	return json.NewEncoder(os.Stdout).Encode(result)
}

func processorSeconds() float64 {
	var usage syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	return float64(usage.Utime.Nano()+usage.Stime.Nano()) / 1e9
}

// peak is the most memory in RAM since the start, in bytes.
func peak() int64 {
	status, _ := os.ReadFile("/proc/self/status")
	for line := range strings.Lines(string(status)) {
		var kilobytes int64
		if n, _ := fmt.Sscanf(line, "VmHWM: %d kB", &kilobytes); n == 1 {
			return kilobytes << 10
		}
	}
	return 0
}
