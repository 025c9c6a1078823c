package fetch

import "container/list"

// lru keeps values up to a number of bytes and drops those unused for longest. It is not safe for
// concurrent use: its owner's lock guards it.
type lru[K comparable, V any] struct {
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
	c.remove(key)
	if bytes > c.budget/4 {
		return
	}
	c.entries[key] = c.order.PushFront(&kept[K, V]{key: key, value: value, bytes: bytes})
	c.used += bytes
	c.trim()
}

func (c *lru[K, V]) remove(key K) {
	if e, ok := c.entries[key]; ok {
		c.drop(e)
	}
}

func (c *lru[K, V]) removeIf(match func(K) bool) {
	for e := c.order.Front(); e != nil; {
		next := e.Next()
		if match(e.Value.(*kept[K, V]).key) {
			c.drop(e)
		}
		e = next
	}
}

func (c *lru[K, V]) resize(budget int64) {
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
