package search

import (
	"crypto/rand"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// spillFolder names a folder that does not exist yet, inside one that only this user can enter, or gives
// "" where there can be none: larger results then fail instead of spilling. Nothing but the user's
// (empty) folder stays behind when a process ends without closing its sources.
func spillFolder(parent string) string {
	own := filepath.Join(parent, fmt.Sprintf("cogweave-%d", os.Getuid()))
	if err := os.Mkdir(own, 0o700); err != nil && !isPrivate(own) {
		// Somebody else took the name.
		if own, err = os.MkdirTemp(parent, "cogweave-"); err != nil {
			return ""
		}
	}
	return filepath.Join(own, fmt.Sprintf("search-%d-%s", os.Getpid(), rand.Text()))
}

// isPrivate tells whether a folder, not a link to one, is this user's alone.
func isPrivate(path string) bool {
	info, err := os.Lstat(path)
	if err != nil || !info.IsDir() || info.Mode()&fs.ModePerm != 0o700 {
		return false
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(stat.Uid) == os.Getuid()
}

// removeSpill removes what DuckDB left, which is nothing unless it failed.
func removeSpill(folder string) error {
	if folder == "" {
		return nil
	}
	return os.RemoveAll(folder)
}
