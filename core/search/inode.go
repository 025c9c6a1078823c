package search

import (
	"io/fs"
	"strconv"
	"syscall"
)

// inode tells a file from another one that took its name.
func inode(info fs.FileInfo) string {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		return strconv.FormatUint(stat.Ino, 10)
	}
	return ""
}
