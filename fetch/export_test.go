package fetch

import (
	"maps"

	"cogweave/fetch/store"
)

// Register has hrefs of the given schemes read from s.
func (c *Client) Register(s store.Store, schemes ...string) {
	c.configuring.Lock()
	defer c.configuring.Unlock()
	next := *c.state.Load()
	next.stores = maps.Clone(next.stores)
	for _, scheme := range schemes {
		next.stores[scheme] = s
	}
	c.state.Store(&next)
}
