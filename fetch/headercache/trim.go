package headercache

import (
	"cmp"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"cogweave/core"
)

// temporary begins the name of a file that is being written.
const temporary = "new-"

// trimmer keeps the folder within its bounds. A process looks at the folder when it first writes to it
// and again after each sixteenth of MaxBytes that it has written, in the background.
type trimmer struct {
	mu      sync.Mutex
	started bool
	running bool
	written int64 // since the last look
}

func (t *trimmer) wrote(c *Cache, bytes int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.written += bytes
	due := !t.started || (c.cfg.MaxBytes > 0 && t.written > c.cfg.MaxBytes/16)
	if !due || t.running {
		return
	}
	t.started, t.running, t.written = true, true, 0
	core.Go(func() {
		c.Trim()
		t.mu.Lock()
		t.running = false
		t.mu.Unlock()
	}, nil)
}

type kept struct {
	path  string
	bytes int64
	used  time.Time
}

// Trim removes the entries unused for longer than MaxAge, the files that a process which died did not
// finish, and, of the others, those unused for longest until nine tenths of MaxBytes are left.
func (c *Cache) Trim() {
	if c.ready() != open {
		return
	}
	var entries []kept
	total := int64(0)
	now := time.Now()
	for i := range shards {
		for _, e := range listed(filepath.Join(c.root, fmt.Sprintf("%02x", i))) {
			age := now.Sub(e.used)
			unfinished := strings.HasPrefix(filepath.Base(e.path), temporary)
			if (unfinished && age > touchAfter) || (c.cfg.MaxAge > 0 && age > c.cfg.MaxAge) {
				os.Remove(e.path)
			} else if !unfinished {
				entries = append(entries, e)
				total += e.bytes
			}
		}
	}
	if c.cfg.MaxBytes <= 0 || total <= c.cfg.MaxBytes {
		return
	}
	slices.SortFunc(entries, func(a, b kept) int { return cmp.Compare(a.used.UnixNano(), b.used.UnixNano()) })
	for _, e := range entries {
		if total <= c.cfg.MaxBytes/10*9 {
			return
		}
		os.Remove(e.path)
		total -= e.bytes
	}
}

// listed gives the entries in a folder; none where there is no such folder.
func listed(dir string) []kept {
	names, err := os.ReadDir(dir)
	if err != nil {
		return nil
	}
	out := make([]kept, 0, len(names))
	for _, n := range names {
		info, err := n.Info()
		if err != nil || !info.Mode().IsRegular() {
			continue // removed by another process
		}
		out = append(out, kept{filepath.Join(dir, n.Name()), onDisk(info), info.ModTime()})
	}
	return out
}

// onDisk is what a small file takes: whole blocks.
func onDisk(info fs.FileInfo) int64 {
	const block = 4 << 10
	return (info.Size() + block - 1) / block * block
}
