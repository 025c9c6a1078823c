package fetch

import (
	"strings"
	"sync"

	"cogweave/core/cog"
)

// firstReads remembers how many bytes the headers of files of one kind took, so that the first read of
// the next such file is large enough: one request instead of two.
type firstReads struct {
	mu      sync.Mutex
	kinds   map[string]int64
	guesses map[string]int64 // for kinds none of whose headers is complete yet
}

const (
	mostKinds     = 1 << 10
	firstReadUnit = 16 << 10
	// A header that reaches further is not at the start of its file, or costs more to read on suspicion
	// than a second request does.
	mostFirstRead = 512 << 10
)

func newFirstReads() *firstReads {
	return &firstReads{kinds: map[string]int64{}, guesses: map[string]int64{}}
}

// kindOf names files that are likely made alike: of one host, and the same but for digits and folders.
func kindOf(host, name string) string {
	name, _, _ = strings.Cut(name, "?")
	name = name[strings.LastIndexByte(name, '/')+1:]
	return host + "\x00" + strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return -1
		}
		return r
	}, name)
}

// bytes is the length of the first read of a file of a kind, at least least.
func (f *firstReads) bytes(kind string, least int64) int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return max(least, f.kinds[kind], f.guesses[kind])
}

// guess notes that a header goes on to end, when its second read is asked for: first reads that begin
// before that has arrived can be long enough. How much of the second read is needed shows later.
func (f *firstReads) guess(kind string, end int64) {
	end = roundUp(end)
	if end > mostFirstRead {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.kinds[kind] == 0 {
		if len(f.guesses) == mostKinds {
			clear(f.guesses)
		}
		f.guesses[kind] = max(f.guesses[kind], end)
	}
}

func roundUp(end int64) int64 { return (end + firstReadUnit - 1) / firstReadUnit * firstReadUnit }

// learn notes the pieces of a file that its header was read from.
func (f *firstReads) learn(kind string, pieces []cog.Piece, least int64) {
	end := int64(0)
	for _, p := range pieces {
		end = max(end, p.Start+int64(len(p.Data)))
	}
	end = roundUp(end)
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.guesses, kind)
	if end <= least || end > mostFirstRead {
		return
	}
	if len(f.kinds) == mostKinds { // a catalog may name anything
		clear(f.kinds)
	}
	f.kinds[kind] = max(f.kinds[kind], end)
}
