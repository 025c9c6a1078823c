package plan

import (
	"context"

	"cogweave/core"
	"cogweave/core/cog"
)

// mostStandIns bounds the items that are asked what the first one could not tell.
const mostStandIns = 32

// standIn gives the first item after another whose file can be used, and its header, where the other's cannot and
// errors="ignore" takes it for absent: -1 where none of the next few can. asset names an item's file, -1 for
// none; usable looks at its header.
func standIn(ctx context.Context, items []core.Item, after int, headers HeaderReader,
	asset func(item int) int, usable func(item int, h *cog.Header) error) (int, *cog.Header) {
	var asked []int
	var hrefs []string
	for i := after + 1; i < len(items) && len(asked) < mostStandIns; i++ {
		if k := asset(i); k >= 0 {
			asked, hrefs = append(asked, i), append(hrefs, items[i].Assets[k].Href)
		}
	}
	if len(asked) == 0 || ctx.Err() != nil {
		return -1, nil
	}
	found, errs := make([]*cog.Header, len(hrefs)), make([]error, len(hrefs))
	headers.Headers(ctx, hrefs, func(i int, h *cog.Header, err error) { found[i], errs[i] = h, err })
	for i, item := range asked {
		if errs[i] == nil && usable(item, found[i]) == nil {
			return item, found[i]
		}
	}
	return -1, nil
}
