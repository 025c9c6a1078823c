// Package headercache keeps the headers of remote files in a folder that several processes share.
//
// An entry is a file of its own, named by a hash of the name of the file it is about, written under
// another name and renamed: readers see a whole entry or none, whoever else reads, writes or deletes,
// on network file systems too, and no process ever waits for another. What an entry holds is bytes of
// the file itself, those that its header was parsed from, so that it is parsed and checked anew each
// time; a checksum tells damage.
//
// Nothing of an href is kept, so no signature either. A folder that belongs to somebody else, or that
// others may write to, is not used. Whatever goes wrong, the cache is only less of a help: it warns
// once and goes out of the way.
package headercache

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// Config says where the entries are and how many. The zero value of a number means without limit.
type Config struct {
	Dir      string        // made if it does not exist
	MaxBytes int64         // of all entries
	MaxAge   time.Duration // since an entry was last used
	Warn     func(string)  // told, once, why the cache is not used or not written to any more
}

// folder is the part of Dir that is the cache's own. Its name has the version of the format.
const folder = "headers-1"

const (
	folderMode = 0o700
	fileMode   = 0o600
	// largest is the size beyond which an entry is not worth its place.
	largest = 4 << 20
	// touchAfter is how old the time of use may get before it is brought up to date.
	touchAfter = time.Hour
	shards     = 256
)

// Cache is one folder. It is safe for concurrent use. A nil Cache keeps nothing.
type Cache struct {
	cfg    Config
	root   string
	mu     sync.Mutex // held while the folder is made
	state  atomic.Int32
	warned sync.Once
	writer writer
	trims  trimmer
}

// The states of a Cache.
const (
	unopened int32 = iota
	open
	readOnly // it cannot be written to
	off
)

// New makes a cache, or nil where Dir is "". Nothing is read or made before the first Get or Put.
func New(cfg Config) *Cache {
	if cfg.Dir == "" {
		return nil
	}
	return &Cache{cfg: cfg, root: filepath.Join(cfg.Dir, folder)}
}

// Entry is what is kept of a file.
type Entry struct {
	ETag   string
	Size   int64
	Pieces []Piece
}

// Piece is a run of bytes of the file.
type Piece struct {
	Start int64
	Data  []byte
}

// Get gives the entry of a file. An entry that is damaged is removed.
func (c *Cache) Get(name string) (Entry, bool) {
	if c.ready() == off {
		return Entry{}, false
	}
	path := c.path(name)
	info, err := os.Stat(path)
	if err != nil || info.Size() > largest {
		return Entry{}, false
	}
	if age := time.Since(info.ModTime()); c.cfg.MaxAge > 0 && age > c.cfg.MaxAge {
		return Entry{}, false
	} else if age > touchAfter || age < 0 {
		now := time.Now()
		_ = os.Chtimes(path, now, now) // where it fails the entry is only thought unused
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return Entry{}, false
	}
	e, err := decode(name, text)
	if err != nil {
		os.Remove(path)
		return Entry{}, false
	}
	return e, true
}

// Has tells whether there is an entry, damaged or not.
func (c *Cache) Has(name string) bool {
	if c.ready() == off {
		return false
	}
	_, err := os.Stat(c.path(name))
	return err == nil
}

// Put keeps an entry instead of the one there was. It is written soon after, in the background: making a
// file may take longer than a header's request.
func (c *Cache) Put(name string, e Entry) {
	if c.ready() != open {
		return
	}
	if text := encode(name, e); len(text) <= largest {
		c.writer.add(c, name, text)
	}
}

// Remove drops the entry of a file, also one that is to be written yet.
func (c *Cache) Remove(name string) {
	if c.ready() == off {
		return
	}
	c.writer.forget(name)
	os.Remove(c.path(name))
}

// Flush waits until all entries are written, so long at most.
func (c *Cache) Flush(patience time.Duration) {
	if c != nil {
		c.writer.wait(patience)
	}
}

func (c *Cache) path(name string) string {
	sum := sha256.Sum256([]byte(name))
	text := hex.EncodeToString(sum[:])
	return filepath.Join(c.root, text[:2], text[2:])
}

// write makes a file, whole or not at all.
func (c *Cache) write(path string, text []byte) error {
	dir := filepath.Dir(path)
	temp, err := os.CreateTemp(dir, temporary+"*") // 0600
	if errors.Is(err, fs.ErrNotExist) {
		if err := os.MkdirAll(dir, folderMode); err != nil {
			return err
		}
		temp, err = os.CreateTemp(dir, temporary+"*")
	}
	if err != nil {
		return err
	}
	_, err = temp.Write(text)
	if e := temp.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = os.Rename(temp.Name(), path)
	}
	if err != nil {
		os.Remove(temp.Name())
	}
	return err
}

// ready opens the cache on first use and gives its state.
func (c *Cache) ready() int32 {
	if c == nil {
		return off
	}
	if s := c.state.Load(); s != unopened {
		return s
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state.Load() == unopened {
		if err := c.open(); err != nil {
			c.stop(off, err)
		} else {
			c.state.Store(open)
		}
	}
	return c.state.Load()
}

// open makes the folder, or checks the one that is there.
func (c *Cache) open() error {
	if err := os.MkdirAll(c.cfg.Dir, folderMode); err != nil {
		return err
	}
	if err := os.Mkdir(c.root, folderMode); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	info, err := os.Lstat(c.root)
	if err != nil {
		return err
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	switch {
	case !info.IsDir():
		return fmt.Errorf("%s is not a folder", c.root)
	case !ok || int(stat.Uid) != os.Geteuid():
		return fmt.Errorf("%s belongs to another user", c.root)
	case info.Mode().Perm()&0o022 != 0:
		return fmt.Errorf("%s may be written to by others", c.root)
	}
	return nil
}

// stop ends the use of the cache, or of writing to it, and says why, once.
func (c *Cache) stop(state int32, err error) {
	c.state.Store(state)
	c.warned.Do(func() {
		if c.cfg.Warn == nil {
			return
		}
		what := "headers are not kept between processes"
		if state == readOnly {
			what = "no more headers are kept for other processes"
		}
		c.cfg.Warn(fmt.Sprintf("%s: %v", what, err))
	})
}
