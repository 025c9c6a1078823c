// Package filestore reads ranges of local files: bare paths and file:// URLs.
package filestore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"strings"
	"syscall"

	"cogweave/core"
	"cogweave/fetch/store"
)

// Store is the local file system.
type Store struct{}

var _ store.Store = Store{}

// Host is "": files need no network.
func (Store) Host(string) string { return "" }

// Close does nothing: no file stays open between reads.
func (Store) Close() {}

// ReadRange opens the file, checks that it is the wanted version and reads with pread. The tag of a
// version is made of its inode, size and time of modification.
func (Store) ReadRange(_ context.Context, req store.Request) (store.Body, error) {
	path, err := Path(req.Href)
	if err != nil {
		return nil, err
	}
	// O_NONBLOCK: opening a named pipe must not wait for a writer.
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, fault(err)
	}
	id, err := identify(file)
	if err == nil {
		err = req.Want.Check(id)
	}
	if err != nil {
		file.Close()
		return nil, err
	}
	r := store.Clip(req.Range, id.Size)
	if r.Len() == 0 && (id.Size > 0 || req.Range.Start > 0) {
		file.Close()
		return nil, &store.Fault{Class: core.AssetError, Reason: "RangeMismatch",
			Message: fmt.Sprintf("bytes %v lie beyond the end of the file at %d", req.Range, id.Size)}
	}
	return &body{file: file, id: id, bytes: r, at: r.Start}, nil
}

// Path is the path that an href names.
func Path(href string) (string, error) {
	path := href
	if len(href) >= 5 && strings.EqualFold(href[:5], "file:") {
		u, err := url.Parse(href)
		if err != nil {
			return "", invalid("not a valid file URL")
		}
		if u.Host != "" && u.Host != "localhost" {
			return "", invalid("a file URL names a file of this machine, not of host " + u.Host)
		}
		path = u.Path
	}
	switch {
	case path == "":
		return "", invalid("the path is empty")
	case strings.ContainsAny(path, "\x00\r\n"):
		return "", invalid("the path holds a NUL or a line break")
	case strings.HasPrefix(path, "/vsi"):
		return "", invalid("GDAL's virtual file systems are not read")
	}
	return path, nil
}

func invalid(message string) *store.Fault {
	return &store.Fault{Class: core.InvalidArgument, Reason: "Href", Message: message}
}

func identify(file *os.File) (store.Identity, error) {
	info, err := file.Stat()
	if err != nil {
		return store.Identity{}, fault(err)
	}
	return versionOf(info)
}

// Version is the version of the file that an href names, as it is now.
func Version(href string) (store.Identity, error) {
	path, err := Path(href)
	if err != nil {
		return store.Identity{}, err
	}
	info, err := os.Stat(path)
	if err != nil {
		return store.Identity{}, fault(err)
	}
	return versionOf(info)
}

func versionOf(info fs.FileInfo) (store.Identity, error) {
	if !info.Mode().IsRegular() {
		return store.Identity{}, &store.Fault{Class: core.AssetError, Reason: "NotAFile", Message: "not a regular file"}
	}
	var inode uint64
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		inode = stat.Ino
	}
	tag := fmt.Sprintf(`"%x-%x-%x"`, info.ModTime().UnixNano(), info.Size(), inode)
	return store.Identity{ETag: tag, Size: info.Size()}, nil
}

func fault(err error) *store.Fault {
	f := &store.Fault{Class: core.AssetError, Reason: "IO", Message: "the file cannot be read", Cause: err}
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		f.Class, f.Reason, f.Message = core.AssetNotFound, "NotFound", "there is no such file"
	case errors.Is(err, fs.ErrPermission):
		f.Class, f.Reason, f.Message = core.AccessDenied, "AccessDenied", "the file may not be read"
	}
	var path *fs.PathError
	if errors.As(err, &path) {
		f.Cause = path.Err
	}
	return f
}

type body struct {
	file  *os.File
	id    store.Identity
	bytes core.ByteRange
	at    int64
}

func (b *body) Range() core.ByteRange    { return b.bytes }
func (b *body) Identity() store.Identity { return b.id }
func (b *body) Close() error             { return b.file.Close() }

// Read gives the last bytes only after checking that the file was not written to in the meantime.
func (b *body) Read(p []byte) (int, error) {
	left := b.bytes.End - b.at
	if left == 0 {
		return 0, io.EOF
	}
	n, err := b.file.ReadAt(p[:min(int64(len(p)), left)], b.at)
	if n == 0 && err == io.EOF {
		return 0, store.Changed("it ends at byte %d", b.at)
	}
	if n == 0 && err != nil {
		return 0, fault(err)
	}
	b.at += int64(n)
	if b.at < b.bytes.End {
		return n, nil
	}
	now, err := identify(b.file)
	if err == nil {
		err = b.id.Check(now)
	}
	if err != nil {
		return 0, err
	}
	return n, nil
}
