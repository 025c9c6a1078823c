package filestore_test

import (
	"context"
	"errors"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"cogweave/core"
	"cogweave/fetch/fetchtest"
	"cogweave/fetch/filestore"
	"cogweave/fetch/store"
)

func TestConformance(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "with space & ünïcode#1")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	put := func(name string, data []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	remove := func(name string) { os.Remove(filepath.Join(dir, name)) }
	t.Run("path", func(t *testing.T) {
		fetchtest.RunStore(t, filestore.Store{}, fetchtest.Place{Put: put, Remove: remove})
	})
	t.Run("file URL", func(t *testing.T) {
		putURL := func(name string, data []byte) string {
			return (&url.URL{Scheme: "file", Path: put(name, data)}).String()
		}
		fetchtest.RunStore(t, filestore.Store{}, fetchtest.Place{Put: putURL, Remove: remove})
	})
}

func TestRefused(t *testing.T) {
	dir := t.TempDir()
	pipe := filepath.Join(dir, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		href   string
		class  core.Class
		reason string
	}{
		{dir, core.AssetError, "NotAFile"},
		{pipe, core.AssetError, "NotAFile"},
		{"file://elsewhere/etc/passwd", core.InvalidArgument, "Href"},
		{"/vsicurl/http://127.0.0.1/x.tif", core.InvalidArgument, "Href"},
		{"a\x00b", core.InvalidArgument, "Href"},
		{"file:///a%0Ab", core.InvalidArgument, "Href"},
		{"", core.InvalidArgument, "Href"},
		{filepath.Join(dir, "none", "x.tif"), core.AssetNotFound, "NotFound"},
		{filepath.Join(pipe, "x.tif"), core.AssetNotFound, "NotFound"},
	} {
		_, err := filestore.Store{}.ReadRange(context.Background(), store.Request{Href: tc.href, Range: core.ByteRange{End: 1}})
		var f *store.Fault
		if !errors.As(err, &f) || f.Class != tc.class || f.Reason != tc.reason {
			t.Errorf("%q: %v, want %s/%s", tc.href, err, tc.class, tc.reason)
		}
	}
}

// A file that is written to while it is read must not give a mix of both versions.
func TestWrittenToWhileRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.bin")
	if err := os.WriteFile(path, fetchtest.Pattern(10_000, 1), 0o600); err != nil {
		t.Fatal(err)
	}
	body, err := filestore.Store{}.ReadRange(context.Background(), store.Request{Href: path, Range: core.ByteRange{End: 10_000}})
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	if _, err := io.ReadFull(body, make([]byte, 100)); err != nil {
		t.Fatal(err)
	}
	time.Sleep(20 * time.Millisecond) // beyond the resolution of the file's clock
	if err := os.WriteFile(path, fetchtest.Pattern(10_000, 2), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = io.ReadAll(body)
	var f *store.Fault
	if !errors.As(err, &f) || f.Class != core.AssetChanged {
		t.Errorf("read on with %v", err)
	}
}
