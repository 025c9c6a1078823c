// Package signing remembers signed hrefs until shortly before their signatures end, and has the others
// signed, many at a time, by whoever can: a function of the user's, on the other side of the C ABI.
package signing

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"cogweave/core"
	"cogweave/fetch"
)

const (
	// most is how many signed hrefs a generation of a Book holds; it has two.
	most = 1 << 17
	// unsignedFor is how long an href counts as signed that came back as it went: whoever signs may have
	// lacked a token, or may soon learn that the place is not public any more.
	unsignedFor = time.Minute
)

// Book holds what was signed, for the whole process.
type Book struct {
	mu         sync.Mutex
	young, old map[name]signature
}

// name is an href as the catalog has it, and who signs it.
type name struct{ signer, href string }

type signature struct {
	href  string
	renew time.Time // from then on it is signed anew; zero: when it is refused
}

// NewBook makes an empty book.
func NewBook() *Book { return &Book{young: map[name]signature{}} }

// get gives the signed href if it still holds.
func (b *Book) get(n name, now time.Time) (string, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s, ok := b.young[n]
	if !ok {
		if s, ok = b.old[n]; ok {
			b.keep(n, s)
		}
	}
	if !ok || (!s.renew.IsZero() && !now.Before(s.renew)) {
		return "", false
	}
	return s.href, true
}

func (b *Book) put(n name, signed string, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := signature{signed, renewal(signed, now)}
	if signed == n.href && s.renew.IsZero() {
		s.renew = now.Add(unsignedFor)
	}
	b.keep(n, s)
}

// keep puts a signature among the young ones. The caller holds the lock.
func (b *Book) keep(n name, s signature) {
	if len(b.young) >= most {
		b.young, b.old = map[name]signature{}, b.young
	}
	b.young[n] = s
}

// renewal is when a signature made now is to be replaced: a minute before its end, or, of one that lasts
// less than ten, after nine tenths of it. It is a moment of the monotonic clock. A signature that has
// ended by this machine's clock holds until it is refused: the clocks differ.
func renewal(signed string, now time.Time) time.Time {
	end, known := core.HrefExpiry(signed)
	left := end.Sub(now)
	if !known || left <= 0 {
		return time.Time{}
	}
	return now.Add(left - min(time.Minute, left/10))
}

// Ask has hrefs signed; again says that the server refused what was signed last.
type Ask func(ctx context.Context, hrefs []string, again bool) ([]string, error)

// Signer signs for one operation. What several of its requests want signed at the same time is asked for
// together.
type Signer struct {
	book *Book
	key  string // of the function that signs
	ctx  context.Context
	ask  Ask

	mu      sync.Mutex
	next    [2]*batch // gathering hrefs, while one before it is asked about; by again
	asked   *batch    // being asked about
	running bool
}

var _ fetch.Signer = (*Signer)(nil)

// New makes a signer that asks as long as ctx lasts. key names the function that signs: signers with the
// same key share what the book has.
func New(ctx context.Context, book *Book, key string, ask Ask) *Signer {
	return &Signer{book: book, key: key, ctx: ctx, ask: ask}
}

// batch is hrefs that are asked about together.
type batch struct {
	again  bool // what was signed last was refused
	late   bool // the answer is there: it may be what was refused meanwhile. Guarded by the Signer's lock
	hrefs  []string
	place  map[string]int
	done   chan struct{} // closed once signed or err is set
	signed []string
	err    error
}

// Sign implements fetch.Signer.
func (s *Signer) Sign(ctx context.Context, hrefs []string, again bool) ([]string, error) {
	out := make([]string, len(hrefs))
	missing := hrefs
	if !again {
		missing = s.look(hrefs, out)
	}
	if len(missing) == 0 {
		return out, nil
	}
	b := s.join(missing, again)
	select {
	case <-b.done:
	case <-ctx.Done():
		return nil, core.Errorf(core.Cancelled, "Cancelled", "the operation was cancelled: %w", ctx.Err())
	}
	if b.err != nil {
		return nil, b.err
	}
	for i, href := range hrefs {
		if at, ok := b.place[href]; ok {
			out[i] = b.signed[at]
		}
	}
	return out, nil
}

// look fills out from the book and gives the hrefs that are not there.
func (s *Signer) look(hrefs, out []string) (missing []string) {
	now := time.Now()
	for i, href := range hrefs {
		signed, ok := s.book.get(name{s.key, href}, now)
		if out[i] = signed; !ok {
			missing = append(missing, href)
		}
	}
	return missing
}

// join adds hrefs to the batch that is asked about next, and has it asked. Hrefs that all are being asked
// about already wait for that.
func (s *Signer) join(hrefs []string, again bool) *batch {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.asked.has(hrefs) && (!again || s.asked.again && !s.asked.late) {
		return s.asked
	}
	at := 0
	if again {
		at = 1
	}
	b := s.next[at]
	if b == nil {
		b = &batch{again: again, place: map[string]int{}, done: make(chan struct{})}
		s.next[at] = b
	}
	for _, href := range hrefs {
		if _, ok := b.place[href]; !ok {
			b.place[href] = len(b.hrefs)
			b.hrefs = append(b.hrefs, href)
		}
	}
	if !s.running {
		s.running = true
		core.Go(s.work, nil)
	}
	return b
}

func (b *batch) has(hrefs []string) bool {
	if b == nil {
		return false
	}
	for _, href := range hrefs {
		if _, ok := b.place[href]; !ok {
			return false
		}
	}
	return true
}

// work asks about batch after batch until there is none.
func (s *Signer) work() {
	for b := s.take(); b != nil; b = s.take() {
		b.signed, b.err = s.answer(b)
		close(b.done)
	}
}

func (s *Signer) take() *batch {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = nil
	for at, b := range s.next {
		if b != nil {
			s.next[at], s.asked = nil, b
			return b
		}
	}
	s.running = false
	return nil
}

// answer asks, and puts what was signed into the book.
func (s *Signer) answer(b *batch) (signed []string, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = core.Panicked(r)
		}
	}()
	signed, err = s.ask(s.ctx, b.hrefs, b.again)
	s.mu.Lock()
	b.late = true
	s.mu.Unlock()
	if err != nil {
		return nil, err
	}
	if len(signed) != len(b.hrefs) {
		return nil, core.Errorf(core.InvalidArgument, "Sign", "sign was given %d hrefs and gave %d", len(b.hrefs), len(signed))
	}
	now := time.Now()
	for i, href := range b.hrefs {
		if err := check(signed[i]); err != nil {
			return nil, core.Errorf(core.InvalidArgument, "Sign", "sign gave what is no href: %w", err).WithHref(href)
		}
		s.book.put(name{s.key, href}, signed[i], now)
	}
	return signed, nil
}

// check refuses what cannot be requested. Where it leads is the user's own choice.
func check(signed string) error {
	switch {
	case signed == "":
		return errors.New("it is empty")
	case strings.ContainsAny(signed, "\x00\r\n"):
		return errors.New("it has a NUL, a carriage return or a line feed")
	}
	return nil
}
