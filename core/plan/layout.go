package plan

import (
	"encoding/binary"
	"hash/maphash"
	"slices"

	"cogweave/core"
)

// layout says where the bands lie in items with the same assets. Most catalogs have one for each
// collection.
type layout struct {
	places []place // per band of the plan
	files  []layoutFile
	all    int32 // the set of all bands that the items have
}

// layoutFile is an asset that holds bands of the plan.
type layoutFile struct {
	asset int
	bands int32 // the set of its bands
	// distrusted: the catalog errs about where these files lie, by a header that was read.
	distrusted bool
}

// bandSets numbers sets of the plan's bands.
type bandSets struct {
	list  [][]bool // per set and band
	known map[string]int32
	text  []byte // a set as bytes, reused
}

// intern numbers a set of bands, given in ascending order.
func (s *bandSets) intern(count int, bands []int) int32 {
	s.text = s.text[:0]
	for _, b := range bands {
		s.text = binary.LittleEndian.AppendUint32(s.text, uint32(b))
	}
	if id, ok := s.known[string(s.text)]; ok {
		return id
	}
	if s.known == nil {
		s.known = map[string]int32{}
	}
	id := int32(len(s.list))
	s.known[string(s.text)] = id
	set := make([]bool, count)
	for _, b := range bands {
		set[b] = true
	}
	s.list = append(s.list, set)
	return id
}

// union numbers the bands of some files.
func (s *bandSets) union(count int, sets []int32) int32 {
	var bands []int
	for b := range count {
		if slices.ContainsFunc(sets, func(id int32) bool { return s.list[id][b] }) {
			bands = append(bands, b)
		}
	}
	return s.intern(count, bands)
}

// newLayout lists the files of places, in the order of their first bands.
func newLayout(places []place, sets *bandSets) layout {
	l := layout{places: places}
	var all []int
	for b, at := range places {
		if at.asset < 0 {
			continue
		}
		all = append(all, b)
		if slices.ContainsFunc(l.files, func(f layoutFile) bool { return f.asset == at.asset }) {
			continue
		}
		var bands []int
		for other, o := range places {
			if o.asset == at.asset {
				bands = append(bands, other)
			}
		}
		l.files = append(l.files, layoutFile{asset: at.asset, bands: sets.intern(len(places), bands)})
	}
	l.all = sets.intern(len(places), all)
	return l
}

// layoutFinder tells items with the same assets by comparing, which costs less than a key.
type layoutFinder struct {
	models []*core.Item // an item of each layout
	byHash map[uint64][]int32
	seed   maphash.Seed
	last   int32
}

func newLayoutFinder() *layoutFinder {
	return &layoutFinder{byHash: map[uint64][]int32{}, seed: maphash.MakeSeed()}
}

// find gives the layout of an item; fresh is true for the first that has it.
func (f *layoutFinder) find(item *core.Item) (id int32, fresh bool) {
	if len(f.models) > 0 && sameLayout(f.models[f.last], item) {
		return f.last, false
	}
	key := f.hash(item)
	for _, id := range f.byHash[key] {
		if sameLayout(f.models[id], item) {
			f.last = id
			return id, false
		}
	}
	f.last = int32(len(f.models))
	f.models = append(f.models, item)
	f.byHash[key] = append(f.byHash[key], f.last)
	return f.last, true
}

// sameLayout tells whether every selector finds the same places in both items.
func sameLayout(a, b *core.Item) bool {
	if len(a.Assets) != len(b.Assets) {
		return false
	}
	for i := range a.Assets {
		if !sameNames(&a.Assets[i], &b.Assets[i]) {
			return false
		}
	}
	return true
}

func sameNames(a, b *core.ItemAsset) bool {
	if a.AssetDescription == b.AssetDescription && a.MediaType != "" {
		return true
	}
	if a.Key != b.Key || a.MediaType != b.MediaType || a.Title != b.Title || !slices.Equal(a.Roles, b.Roles) ||
		len(a.Bands) != len(b.Bands) {
		return false
	}
	for i := range a.Bands {
		if a.Bands[i].Name != b.Bands[i].Name || a.Bands[i].CommonName != b.Bands[i].CommonName {
			return false
		}
	}
	return a.MediaType != "" || isGeoTIFF(a) == isGeoTIFF(b)
}

// hash need not tell all layouts apart: keys and media types do for those that there are.
func (f *layoutFinder) hash(item *core.Item) uint64 {
	var h maphash.Hash
	h.SetSeed(f.seed)
	for i := range item.Assets {
		h.WriteString(item.Assets[i].Key)
		h.WriteByte(0)
		h.WriteString(item.Assets[i].MediaType)
		h.WriteByte(byte(len(item.Assets[i].Bands)))
	}
	return h.Sum64()
}
