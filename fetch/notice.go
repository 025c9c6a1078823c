package fetch

import (
	"slices"
	"sync"
	"sync/atomic"

	"cogweave/core"
)

// notices are things that users should hear of once, though no read fails by them.
type notices struct {
	waiting atomic.Int32
	mu      sync.Mutex
	told    []string
	fresh   []string
}

// mostNotices bounds what is remembered; a process that has so much to say is heard by then.
const mostNotices = 32

// add notes a text that was not noted before.
func (n *notices) add(text string) {
	text = core.Redact(text)
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.told) == mostNotices || slices.Contains(n.told, text) {
		return
	}
	n.told, n.fresh = append(n.told, text), append(n.fresh, text)
	n.waiting.Store(int32(len(n.fresh)))
}

// Notice notes a text that a user should see once though nothing failed.
func (c *Client) Notice(text string) { c.notices.add(text) }

// NoticesWaiting is the number of notices that nobody has taken yet.
func (c *Client) NoticesWaiting() int { return int(c.notices.waiting.Load()) }

// TakeNotices gives the notices that nobody has taken yet: each is given once in the life of the Client.
func (c *Client) TakeNotices() []string {
	c.notices.mu.Lock()
	defer c.notices.mu.Unlock()
	fresh := c.notices.fresh
	c.notices.fresh = nil
	c.notices.waiting.Store(0)
	return fresh
}
