package headercache

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

func newCache(t *testing.T, cfg Config) (*Cache, func() []string) {
	if cfg.Dir == "" {
		cfg.Dir = filepath.Join(t.TempDir(), "cache")
	}
	var mu sync.Mutex
	var warnings []string
	cfg.Warn = func(text string) {
		mu.Lock()
		defer mu.Unlock()
		warnings = append(warnings, text)
	}
	return New(cfg), func() []string {
		mu.Lock()
		defer mu.Unlock()
		return warnings
	}
}

func entry(i int) Entry {
	return Entry{ETag: fmt.Sprintf(`"%d"`, i), Size: int64(1000 + i), Pieces: []Piece{
		{0, bytes.Repeat([]byte{byte(i)}, 300)}, {1 << 40, []byte{1, 2, 3}}}}
}

// entries lists the paths of all files below a folder.
func entries(t *testing.T, dir string) (paths []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			paths = append(paths, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return paths
}

func TestKeepsAndForgets(t *testing.T) {
	c, warnings := newCache(t, Config{})
	if _, ok := c.Get("a"); ok || c.Has("a") {
		t.Fatal("an empty cache has an entry")
	}
	c.Put("a", entry(1))
	c.Put("b", entry(2))
	c.Put("a", entry(3))
	c.Flush(time.Minute)
	other := New(Config{Dir: c.cfg.Dir}) // as another process
	for name, want := range map[string]Entry{"a": entry(3), "b": entry(2)} {
		if got, ok := other.Get(name); !ok || !reflect.DeepEqual(got, want) || !c.Has(name) {
			t.Errorf("%s: %+v", name, got)
		}
	}
	other.Remove("a")
	if _, ok := c.Get("a"); ok {
		t.Error("a removed entry is there")
	}
	c.Put("large", Entry{Pieces: []Piece{{0, make([]byte, largest)}}})
	c.Put("c", entry(1))
	c.Remove("c") // before it is written, perhaps
	c.Flush(time.Minute)
	if c.Has("c") {
		t.Error("a removed entry was written")
	}
	if c.Has("large") || len(warnings()) > 0 {
		t.Errorf("an entry that is too large is kept, or warned of: %v", warnings())
	}
}

func TestNobodyElseMayRead(t *testing.T) {
	c, _ := newCache(t, Config{})
	c.Put("https://host/a.tif", entry(1))
	c.Flush(time.Minute)
	err := filepath.WalkDir(c.cfg.Dir, func(path string, d fs.DirEntry, err error) error {
		info, e := d.Info()
		if err != nil || e != nil {
			return e
		}
		want := fs.FileMode(fileMode)
		if d.IsDir() {
			want = folderMode
		}
		if info.Mode().Perm() != want {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func TestDamageIsNoEntry(t *testing.T) {
	c, warnings := newCache(t, Config{})
	c.Put("a", entry(1))
	c.Flush(time.Minute)
	path := c.path("a")
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for at := range whole {
		bad := bytes.Clone(whole)
		bad[at] ^= 0x10
		for _, text := range [][]byte{bad, whole[:at], append(bytes.Clone(whole), whole[at])} {
			if err := os.WriteFile(path, text, fileMode); err != nil {
				t.Fatal(err)
			}
			if got, ok := c.Get("a"); ok {
				t.Fatalf("byte %d: %+v", at, got)
			}
		}
	}
	if c.Has("a") || len(warnings()) > 0 {
		t.Errorf("a damaged entry is left, or warned of: %v", warnings())
	}
	if err := os.WriteFile(c.path("b"), whole, fileMode); err == nil {
		if _, ok := c.Get("b"); ok {
			t.Error("an entry serves another file")
		}
	}
	c.Put("a", entry(2))
	c.Flush(time.Minute)
	if got, ok := c.Get("a"); !ok || got.ETag != `"2"` {
		t.Error("a damaged entry cannot be replaced")
	}
}

func TestWhatCannotBeUsedWarnsOnce(t *testing.T) {
	for name, spoil := range map[string]func(t *testing.T, dir string){
		"Dir is a file": func(t *testing.T, dir string) { write(t, dir) },
		"Dir cannot be made": func(t *testing.T, dir string) {
			write(t, filepath.Dir(dir)+"x")
			if err := os.Remove(filepath.Dir(dir)); err != nil {
				t.Fatal(err)
			}
			if err := os.Rename(filepath.Dir(dir)+"x", filepath.Dir(dir)); err != nil {
				t.Fatal(err)
			}
		},
		"the folder is a link": func(t *testing.T, dir string) {
			elsewhere := t.TempDir()
			if os.MkdirAll(dir, 0o700) != nil || os.Symlink(elsewhere, filepath.Join(dir, folder)) != nil {
				t.Fatal("no link")
			}
		},
		"others may write": func(t *testing.T, dir string) {
			path := filepath.Join(dir, folder)
			if os.MkdirAll(path, 0o700) != nil || os.Chmod(path, 0o777) != nil {
				t.Fatal("no folder")
			}
		},
		"another owner": func(t *testing.T, dir string) {
			path := filepath.Join(dir, folder)
			if os.MkdirAll(path, 0o700) != nil {
				t.Fatal("no folder")
			}
			if err := os.Chown(path, 12345, 12345); err != nil {
				t.Skipf("the folder of another owner is not tested: %v", err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "home", "cache")
			if err := os.MkdirAll(filepath.Dir(dir), 0o700); err != nil {
				t.Fatal(err)
			}
			spoil(t, dir)
			c, warnings := newCache(t, Config{Dir: dir})
			for i := range 3 {
				c.Put(strconv.Itoa(i), entry(i))
				if _, ok := c.Get(strconv.Itoa(i)); ok || c.Has(strconv.Itoa(i)) {
					t.Error("an entry was kept")
				}
				c.Remove(strconv.Itoa(i))
			}
			if got := warnings(); len(got) != 1 || !strings.Contains(got[0], filepath.Dir(dir)) {
				t.Errorf("warnings %q", got)
			}
		})
	}
}

func write(t *testing.T, path string) {
	t.Helper()
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
}

// A disk that is full, or became read-only, takes no new entry; those that are there go on serving.
func TestWriteFails(t *testing.T) {
	c, warnings := newCache(t, Config{})
	c.Put("a", entry(1))
	c.Flush(time.Minute)
	for i := range shards { // where the entries of other names would lie
		dir := filepath.Join(c.root, fmt.Sprintf("%02x", i))
		if dir != filepath.Dir(c.path("a")) {
			write(t, dir)
		}
	}
	for i := range 20 {
		c.Put(strconv.Itoa(i), entry(i))
	}
	c.Flush(time.Minute)
	if _, ok := c.Get("a"); !ok {
		t.Error("the entry that was there is lost")
	}
	if got := warnings(); len(got) != 1 || !strings.HasPrefix(got[0], "no more headers are kept") {
		t.Errorf("warnings %q", got)
	}
}

func TestStaysWithinItsBounds(t *testing.T) {
	const most = 50 * 4096
	c, _ := newCache(t, Config{MaxBytes: most, MaxAge: time.Hour * 48})
	old := time.Now().Add(-47 * time.Hour)
	for i := range 100 {
		name := strconv.Itoa(i)
		c.Put(name, entry(i))
		c.Flush(time.Minute)
		if err := os.Chtimes(c.path(name), old.Add(time.Duration(i)*time.Second), old.Add(time.Duration(i)*time.Second)); err != nil {
			t.Logf("%s was trimmed already", name)
		}
	}
	if _, ok := c.Get("99"); !ok { // used: it is young again
		t.Fatal("the last entry is gone")
	}
	c.Trim()
	paths := entries(t, c.root)
	if n := len(paths); n > 50 || n < 40 {
		t.Errorf("%d entries are left", n)
	}
	if !c.Has("99") || !c.Has("98") || c.Has("0") {
		t.Error("not the ones unused for longest went")
	}
	for _, path := range paths {
		ago := time.Now().Add(-49 * time.Hour)
		if err := os.Chtimes(path, ago, ago); err != nil {
			t.Fatal(err)
		}
	}
	unfinished := filepath.Join(filepath.Dir(paths[0]), temporary+"7")
	write(t, unfinished)
	if err := os.Chtimes(unfinished, old, old); err != nil {
		t.Fatal(err)
	}
	if _, ok := c.Get("99"); ok {
		t.Error("an entry that is too old serves")
	}
	c.Trim()
	if left := entries(t, c.root); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
}

const workerVariable = "HEADERCACHE_WORKER"

// TestFourProcesses has four processes put, get, remove and trim the same entries at once. Whatever one
// of them gets is an entry that one of them has put, whole.
func TestFourProcesses(t *testing.T) {
	if dir := os.Getenv(workerVariable); dir != "" {
		work(t, dir)
		return
	}
	dir := filepath.Join(t.TempDir(), "cache")
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			cmd := exec.Command(os.Args[0], "-test.run=^TestFourProcesses$", "-test.v")
			cmd.Env = append(os.Environ(), workerVariable+"="+dir)
			if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "hits") {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
	all.Wait()
}

func work(t *testing.T, dir string) {
	c, warnings := newCache(t, Config{Dir: dir, MaxBytes: 30 * 4096})
	hits := 0
	for i := range 1500 {
		name := strconv.Itoa(i * os.Getpid() % 40)
		switch {
		case i%7 == 0:
			c.Remove(name)
		case i%100 == 50:
			c.Trim()
		case i%3 == 0:
			c.Put(name, entry(i%11))
		default:
			got, ok := c.Get(name)
			if !ok {
				continue
			}
			hits++
			if n, err := strconv.Atoi(strings.Trim(got.ETag, `"`)); err != nil || !reflect.DeepEqual(got, entry(n)) {
				t.Errorf("%s: %+v", name, got)
			}
		}
	}
	if hits == 0 || len(warnings()) > 0 {
		t.Errorf("%d entries found, warnings %v", hits, warnings())
	}
	t.Logf("%d hits", hits)
}

func BenchmarkGet(b *testing.B) {
	c := New(Config{Dir: b.TempDir()})
	for i := range 1000 {
		c.Put(strconv.Itoa(i), Entry{ETag: `"x"`, Size: 1, Pieces: []Piece{{0, make([]byte, 1600)}}})
	}
	c.Flush(time.Minute)
	i := 0
	for b.Loop() {
		if _, ok := c.Get(strconv.Itoa(i % 1000)); !ok {
			b.Fatal("lost")
		}
		i++
	}
	c.Flush(time.Minute)
}

func BenchmarkPut(b *testing.B) {
	c := New(Config{Dir: b.TempDir()})
	e := Entry{ETag: `"x"`, Size: 1, Pieces: []Piece{{0, make([]byte, 1600)}}}
	i := 0
	for b.Loop() {
		c.Put(strconv.Itoa(i), e)
		i++
	}
	c.Flush(time.Minute)
}
