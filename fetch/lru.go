package fetch

import (
	"container/list"
	"sync"
)

// lru keeps values up to a number of bytes and drops those unused for longest. It is safe for concurrent
// use. Its lock is taken last: who holds a table's lock may take it, not the other way round.
type lru[K comparable, V any] struct {
	mu           sync.Mutex
	budget, used int64
	entries      map[K]*list.Element
	order        *list.List // of *kept[K, V], the last used first
}

type kept[K comparable, V any] struct {
	key   K
	value V
	bytes int64
}

func newLRU[K comparable, V any](budget int64) *lru[K, V] {
	return &lru[K, V]{budget: budget, entries: map[K]*list.Element{}, order: list.New()}
}

func (c *lru[K, V]) get(key K) (value V, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.entries[key]
	if !ok {
		return value, false
	}
	c.order.MoveToFront(e)
	return e.Value.(*kept[K, V]).value, true
}

// put keeps a value of bytes bytes. What would take more than a quarter of the budget is not kept:
// it would push out too much for one use.
func (c *lru[K, V]) put(key K, value V, bytes int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.discard(key)
	if bytes > c.budget/4 {
		return
	}
	c.entries[key] = c.order.PushFront(&kept[K, V]{key: key, value: value, bytes: bytes})
	c.used += bytes
	c.trim()
}

func (c *lru[K, V]) remove(key K) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.discard(key)
}

// has tells whether a value is kept, which does not count as a use.
func (c *lru[K, V]) has(key K) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, ok := c.entries[key]
	return ok
}

// bytes is what the kept values take.
func (c *lru[K, V]) bytes() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.used
}

// discard, trim and drop are for those who hold the lock.
func (c *lru[K, V]) discard(key K) {
	if e, ok := c.entries[key]; ok {
		c.drop(e)
	}
}

func (c *lru[K, V]) removeIf(match func(K, V) bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for e := c.order.Front(); e != nil; {
		next := e.Next()
		if k := e.Value.(*kept[K, V]); match(k.key, k.value) {
			c.drop(e)
		}
		e = next
	}
}

func (c *lru[K, V]) resize(budget int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.budget = budget
	c.trim()
}

func (c *lru[K, V]) trim() {
	for c.used > c.budget {
		c.drop(c.order.Back())
	}
}

func (c *lru[K, V]) drop(e *list.Element) {
	k := c.order.Remove(e).(*kept[K, V])
	delete(c.entries, k.key)
	c.used -= k.bytes
}
