package fetch

import (
	"testing"

	"cogweave/core"
	"cogweave/fetch/store"
)

func TestPlaces(t *testing.T) {
	const here, renewed, there = "https://Host/a/b.tif?sig=1", "https://host/a/b.tif?sig=2&x=3", "https://host/a/c.tif?sig=1"
	for _, tag := range []string{"", `W/"x"`, `W/"modified Wed, 21 Oct 2015 07:28:00 GMT"`} {
		id := store.Identity{ETag: tag, Size: 5}
		if plain, err := at(id, there); err != nil || plain != id {
			t.Errorf("%q, read without a signature: %v, %v", tag, plain, err)
		}
		marked := placed(id, here)
		if marked == id || marked.Strong() {
			t.Errorf("%q became %q", tag, marked.ETag)
		}
		for _, target := range []string{here, renewed} {
			if plain, err := at(marked, target); err != nil || plain != id {
				t.Errorf("%q at %s: %v, %v", tag, target, plain, err)
			}
		}
		if _, err := at(marked, there); err == nil || err.Class != core.AssetChanged {
			t.Errorf("%q at another place: %v", tag, err)
		}
	}
	strong := store.Identity{ETag: `"x;place=y"`, Size: 5}
	if plain, err := at(placed(strong, here), there); err != nil || plain != strong {
		t.Errorf("a strong tag: %v, %v", plain, err)
	}
}
