// Command bare reads byte ranges over HTTP with net/http and nothing else: what cogweave's throughput is
// compared with. It reads a job as JSON from standard input and prints the seconds that it took.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

type job struct {
	InFlight int `json:"in_flight"`
	Runs     []struct {
		Href  string `json:"href"`
		Start int64  `json:"start"`
		End   int64  `json:"end"`
	} `json:"runs"`
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	var j job
	if err := json.NewDecoder(os.Stdin).Decode(&j); err != nil {
		return err
	}
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: j.InFlight, DisableCompression: true}}
	var next atomic.Int64
	var failed atomic.Pointer[error]
	held := make([][]byte, len(j.Runs)) // all at once, as the caller of a reader of tiles has them
	var wait sync.WaitGroup
	began := time.Now()
	for range j.InFlight {
		wait.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(j.Runs)); i = next.Add(1) - 1 {
				data, err := get(client, j.Runs[i].Href, j.Runs[i].Start, j.Runs[i].End)
				if err != nil {
					failed.Store(&err)
				}
				held[i] = data
			}
		})
	}
	wait.Wait()
	if err := failed.Load(); err != nil {
		return *err
	}
	fmt.Println(time.Since(began).Seconds())
	runtime.KeepAlive(held)
	return nil
}

// get reads a range into memory of its own, as a reader of tiles has to.
func get(client *http.Client, href string, start, end int64) ([]byte, error) {
	req, err := http.NewRequest(http.MethodGet, href, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Range", fmt.Sprintf("bytes=%d-%d", start, end-1))
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusPartialContent {
		return nil, fmt.Errorf("status %s", resp.Status)
	}
	data := make([]byte, end-start)
	_, err = io.ReadFull(resp.Body, data)
	return data, err
}
