package cog

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"cogweave/core"
)

// corpus gives the path of a folder of the shared test data, or skips the test.
func corpus(t testing.TB, folder string) string {
	t.Helper()
	root := os.Getenv("COGWEAVE_DATA")
	if root == "" {
		root = filepath.Join("..", "..", "..", "shared", "data")
	}
	dir := filepath.Join(root, folder)
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("the headers of real files in %s are not tested: %v", folder, err)
	}
	return dir
}

// files lists the files under a folder of the corpus.
func files(t testing.TB, folder string) []string {
	t.Helper()
	var paths []string
	err := filepath.WalkDir(corpus(t, folder), func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			paths = append(paths, path)
		}
		return err
	})
	if err != nil || len(paths) == 0 {
		t.Fatalf("%s: %d files, %v", folder, len(paths), err)
	}
	return paths
}

// memory is a Source of bytes that are all there; it counts what is asked for.
type memory struct {
	data     []byte
	hideSize bool
	mutex    sync.Mutex
	reads    []core.ByteRange
}

func (m *memory) ReadRange(_ context.Context, r core.ByteRange) ([]byte, error) {
	m.mutex.Lock()
	m.reads = append(m.reads, r)
	m.mutex.Unlock()
	size := int64(len(m.data))
	return m.data[min(r.Start, size):min(r.End, size)], nil
}

func (m *memory) Size() int64 {
	if m.hideSize {
		return 0
	}
	return int64(len(m.data))
}

// parse reads the header of a file held in memory.
func parse(data []byte) (*Header, error) {
	return Read(context.Background(), &memory{data: data}, "mem.tif", Limits{})
}

func mustLoad(t testing.TB, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func shortName(path string) string {
	parts := strings.Split(filepath.ToSlash(path), "/")
	return strings.Join(parts[max(0, len(parts)-2):], "/")
}
