package headercache

import (
	"sync"
	"time"

	"cogweave/core"
)

// mostWaiting bounds the bytes of entries that are to be written. Where they come faster than the disk
// takes them, some are not kept.
const mostWaiting = 32 << 20

// writer writes entries, one after the other, while there are some.
type writer struct {
	mu      sync.Mutex
	waiting map[string][]byte // by name
	bytes   int
	running bool
	done    chan struct{} // closed when running ends

	file sync.Mutex // held while an entry is written
}

func (w *writer) add(c *Cache, name string, text []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.bytes+len(text) > mostWaiting {
		return
	}
	if w.waiting == nil {
		w.waiting = map[string][]byte{}
	}
	w.bytes += len(text) - len(w.waiting[name])
	w.waiting[name] = text
	if w.running {
		return
	}
	w.running, w.done = true, make(chan struct{})
	core.Go(func() {
		for w.next(c) {
		}
	}, func(error) { w.stop() })
}

// next writes one entry, or ends the writer if there is none.
func (w *writer) next(c *Cache) bool {
	w.file.Lock()
	defer w.file.Unlock()
	name, text, ok := w.take()
	if !ok {
		return false
	}
	if c.ready() != open {
		return true
	}
	if err := c.write(c.path(name), text); err != nil {
		c.stop(readOnly, err)
		return true
	}
	c.trims.wrote(c, int64(len(text)))
	return true
}

func (w *writer) take() (name string, text []byte, ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for name, text = range w.waiting {
		delete(w.waiting, name)
		w.bytes -= len(text)
		return name, text, true
	}
	w.running = false
	close(w.done)
	return "", nil, false
}

func (w *writer) stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.running {
		w.running = false
		close(w.done)
	}
}

// forget takes an entry out, and waits for the one that is being written.
func (w *writer) forget(name string) {
	w.mu.Lock()
	w.bytes -= len(w.waiting[name])
	delete(w.waiting, name)
	w.mu.Unlock()
	w.file.Lock()
	defer w.file.Unlock()
}

func (w *writer) wait(patience time.Duration) {
	w.mu.Lock()
	running, done := w.running, w.done
	w.mu.Unlock()
	if !running {
		return
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
	}
}
