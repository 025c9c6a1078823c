package fetch_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"cogweave/core"
	"cogweave/fetch"
)

// A file's header, then two of its tiles.
func Example() {
	dir := os.Getenv("COGWEAVE_DATA")
	if dir == "" {
		dir = "../../shared/data"
	}
	href, _ := filepath.Abs(filepath.Join(dir, dem))
	c := fetch.New(fetch.Config{})
	defer c.Close()
	h, err := c.Header(context.Background(), href)
	if err != nil {
		fmt.Println(err)
		return
	}
	asset := &core.Asset{Href: href, ETag: h.ETag, Size: h.Size}
	var refs []core.TileRef
	for i := range 2 {
		if r, ok := h.Levels[0].TileRange(i); ok {
			refs = append(refs, core.TileRef{Asset: asset, Range: r})
		}
	}
	c.Tiles(context.Background(), refs, func(i int, data []byte, err error) { /* decode */ })
}
