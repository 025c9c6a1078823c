package table

import (
	"math"
	"slices"

	"cogweave/core"
)

// describer keeps one copy of descriptions that repeat: a tile's assets are described alike on every date.
type describer struct {
	kinds []describedKind
	piece []core.AssetDescription // descriptions are cut from larger pieces
}

// describedKind is the descriptions that differ in where the raster lies, and in nothing else.
type describedKind struct {
	model  core.AssetDescription
	places map[place]*core.AssetDescription
	others map[core.Proj]*core.AssetDescription // whose place another one has
}

// place is where a raster begins, as bits: a key that is quicker to look up than a whole core.Proj, and nearly as good.
type place struct {
	crs  string
	x, y uint64
}

func placeOf(p *core.Proj) place {
	return place{p.CRS, math.Float64bits(p.Transform.C), math.Float64bits(p.Transform.F)}
}

const (
	mostKinds  = 32      // that are compared with; the oldest is forgotten
	mostPlaces = 1 << 16 // that a kind remembers
)

// keep gives the copy of a description.
func (d *describer) keep(a *core.AssetDescription) *core.AssetDescription {
	kind := d.kindOf(a)
	at := placeOf(&a.Proj)
	known, taken := kind.places[at]
	if taken && known.Proj != a.Proj {
		known = kind.others[a.Proj]
	}
	if known != nil {
		return known
	}
	if len(d.piece) == cap(d.piece) {
		d.piece = make([]core.AssetDescription, 0, min(64, 2*len(d.piece)+1))
	}
	d.piece = append(d.piece, *a)
	copied := &d.piece[len(d.piece)-1]
	kind.remember(at, taken, copied)
	return copied
}

func (k *describedKind) remember(at place, taken bool, copied *core.AssetDescription) {
	switch {
	case len(k.places)+len(k.others) >= mostPlaces:
	case !taken:
		k.places[at] = copied
	default:
		if k.others == nil {
			k.others = map[core.Proj]*core.AssetDescription{}
		}
		k.others[copied.Proj] = copied
	}
}

func (d *describer) kindOf(a *core.AssetDescription) *describedKind {
	for i := len(d.kinds) - 1; i >= 0; i-- {
		if sameKind(&d.kinds[i].model, a) {
			return &d.kinds[i]
		}
	}
	if len(d.kinds) >= mostKinds {
		d.kinds = slices.Delete(d.kinds, 0, 1)
	}
	d.kinds = append(d.kinds, describedKind{model: *a, places: map[place]*core.AssetDescription{}})
	return &d.kinds[len(d.kinds)-1]
}

func sameKind(a, b *core.AssetDescription) bool {
	return a.Key == b.Key && a.MediaType == b.MediaType && a.Title == b.Title && a.Storage == b.Storage &&
		sameSlice(a.Roles, b.Roles, func(x, y string) bool { return x == y }) && sameSlice(a.Bands, b.Bands, sameBand)
}

// sameSlice compares slices that mostly are the same one.
func sameSlice[T any](a, b []T, same func(a, b T) bool) bool {
	if len(a) != len(b) {
		return false
	}
	return len(a) == 0 || &a[0] == &b[0] || slices.EqualFunc(a, b, same)
}
