package main

import (
	"database/sql"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"

	_ "github.com/duckdb/duckdb-go/v2" // the driver, with cogweave's own libduckdb
)

// search is what a new process cannot do without before it reads: a DuckDB that starts, and its answer.
type search struct {
	Catalog string   `json:"catalog"` // a parquet; "" for none
	IDs     []string `json:"ids"`
}

// answer starts DuckDB and reads the assets of the items.
func (s *search) answer() error {
	db, err := sql.Open("duckdb", fmt.Sprintf("?threads=%d", runtime.NumCPU()))
	if err != nil {
		return err
	}
	defer db.Close()
	args := []any{s.Catalog}
	for _, id := range s.IDs {
		args = append(args, id)
	}
	rows, err := db.Query("SELECT id, assets FROM read_parquet(?) WHERE id IN ("+strings.Repeat("?, ", len(s.IDs)-1)+"?)", args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	found := 0
	for rows.Next() {
		var id string
		var assets any
		if err := rows.Scan(&id, &assets); err != nil {
			return err
		}
		found++
	}
	if found != len(s.IDs) {
		return fmt.Errorf("%s: %d of %d items were found", s.Catalog, found, len(s.IDs))
	}
	return rows.Err()
}

// header asks for the beginning of a file.
func (r *reader) header(url string, slots chan struct{}) {
	slots <- struct{}{}
	defer func() { <-slots }()
	if err := r.beginning(url); err != nil {
		r.failed.Store(&err)
	}
}

func (r *reader) beginning(url string) error {
	req, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	req.Header.Set("Range", fmt.Sprintf("bytes=0-%d", r.job.Header-1))
	resp, err := r.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	n, err := io.Copy(io.Discard, resp.Body)
	r.requests.Add(1)
	r.bytes.Add(n)
	return err
}
