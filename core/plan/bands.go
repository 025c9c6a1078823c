package plan

import (
	"cmp"
	"context"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"cogweave/core"
	"cogweave/core/cog"
)

// Band is one band of the output.
type Band struct {
	Name       string // as the user asked for it
	Asset      string // asset key in the first item that has it
	CommonName string
	Wavelength float64 // micrometres; 0 where unknown
	Index      int     // band of the asset, from 1
	DType      core.DType
	NoData     core.NoData
	// Scale and Offset give physical values: Scale*pixel + Offset. 1 and 0 where nothing is known, where pixels are
	// physical already, and where the mosaic method leaves none.
	Scale, Offset float64
	// MixedScale: the catalog gives some items another scale or offset than that, which is the first present item's.
	MixedScale bool
	Resampling string
}

// selector finds a band in an item. Items of one collection share keys, so the answer is kept per
// list of asset keys.
type selector struct {
	name    string
	pattern *regexp.Regexp // for "re:..."
}

// place is where a band lies in an item: a position in Item.Assets and a sample, from 0.
type place struct{ asset, sample int }

func newSelector(name string) (selector, error) {
	if expr, ok := strings.CutPrefix(name, "re:"); ok {
		pattern, err := regexp.Compile(expr)
		if err != nil {
			return selector{}, core.Errorf(core.InvalidArgument, "Band", "band %q is not a regular expression: %w", name, err)
		}
		return selector{name: name, pattern: pattern}, nil
	}
	if name == "" {
		return selector{}, core.Errorf(core.InvalidArgument, "Band", "band name is empty")
	}
	return selector{name: name}, nil
}

// find gives the places that answer to the name, by the first rule that matches any:
// exact key, asset.N or asset.name, common name, title, regular expression.
func (s selector) find(item *core.Item) []place {
	if s.pattern != nil {
		return places(item, func(a *core.ItemAsset) []int { return sampleIf(s.pattern.MatchString(a.Key)) })
	}
	rules := []func(a *core.ItemAsset) []int{
		func(a *core.ItemAsset) []int { return sampleIf(a.Key == s.name) },
		s.dotted,
		s.common,
		func(a *core.ItemAsset) []int { return sampleIf(a.Title != "" && a.Title == s.name) },
	}
	for _, rule := range rules {
		if found := places(item, rule); len(found) > 0 {
			return found
		}
	}
	return nil
}

func sampleIf(match bool) []int {
	if match {
		return []int{0}
	}
	return nil
}

func places(item *core.Item, rule func(*core.ItemAsset) []int) []place {
	var found []place
	for i := range item.Assets {
		for _, sample := range rule(&item.Assets[i]) {
			found = append(found, place{i, sample})
		}
	}
	return found
}

// dotted answers "visual.2" and "visual.red".
func (s selector) dotted(a *core.ItemAsset) []int {
	part, ok := strings.CutPrefix(s.name, a.Key+".")
	if !ok {
		return nil
	}
	if n, err := strconv.Atoi(part); err == nil && n >= 1 && (len(a.Bands) == 0 || n <= len(a.Bands)) {
		return []int{n - 1}
	}
	for i, b := range a.Bands {
		if b.Name == part || b.CommonName == part {
			return []int{i}
		}
	}
	return nil
}

// common answers a common name. A multi-band asset that repeats what single-band ones hold (a
// true-colour picture) does not make the name ambiguous: data before pictures.
func (s selector) common(a *core.ItemAsset) []int {
	if slices.Contains(a.Roles, "visual") || slices.Contains(a.Roles, "overview") || slices.Contains(a.Roles, "thumbnail") {
		return nil
	}
	if !isGeoTIFF(a) {
		return nil
	}
	for i, b := range a.Bands {
		if b.CommonName == s.name {
			return []int{i}
		}
	}
	return nil
}

// isGeoTIFF tells whether an asset is one that bands are taken from by default.
func isGeoTIFF(a *core.ItemAsset) bool {
	media := strings.ToLower(a.MediaType)
	if media == "" {
		path, _, _ := strings.Cut(strings.ToLower(a.Href), "?")
		return strings.HasSuffix(path, ".tif") || strings.HasSuffix(path, ".tiff")
	}
	return strings.HasPrefix(media, "image/tiff") || strings.HasPrefix(media, "image/vnd.stac.geotiff") ||
		strings.HasPrefix(media, "image/x.geotiff")
}

func isPicture(a *core.ItemAsset) bool {
	for _, role := range a.Roles {
		if role == "thumbnail" || role == "overview" || role == "visual" {
			return true
		}
	}
	return false
}

// assetAt is an asset by its place.
type assetAt struct{ item, asset int }

// defaultAssets lists the COG assets of the items, one of each key, in the catalog's order. The first items
// stand for their collections: looking at a million would change nothing.
func defaultAssets(items []core.Item) []assetAt {
	var found []assetAt
	seen := map[string]bool{}
	for i := range items {
		for k := range items[i].Assets {
			if a := &items[i].Assets[k]; isGeoTIFF(a) && !isPicture(a) && !seen[a.Key] {
				seen[a.Key] = true
				found = append(found, assetAt{i, k})
			}
		}
		if i >= 100 && len(found) > 0 {
			break
		}
	}
	return found
}

// defaultBands names every band of the items' COG assets. Where the catalog does not list an asset's bands,
// its header does: another item's, where one that cannot be read counts as absent. An asset that only such items have is
// left out, if others are left.
func (p *Plan) defaultBands(ctx context.Context, headers HeaderReader) ([]string, error) {
	assets := defaultAssets(p.Items)
	of := make([]sought, len(assets))
	for k, at := range assets {
		of[k] = p.bandCount(p.Items[at.item].Assets[at.asset].Key)
	}
	var names []string
	var lost error
	for _, s := range p.specimens(ctx, of, headers) {
		asset := p.asset(&s.files[0])
		switch {
		case s.listed:
			names = append(names, numbered(asset.Key, len(asset.Bands))...)
		case s.err == nil:
			names = append(names, numbered(asset.Key, dataSamples(s.files[0].header))...)
		case !p.ignores(s.err):
			return nil, s.err
		default:
			lost = cmp.Or(lost, s.err)
			p.Warnings = append(p.Warnings, fmt.Sprintf("asset %q is left out of the bands: it could be read in none of the items asked "+
				"(at most %d); errors=\"raise\", or bands that name it, tell why", asset.Key, maxSpecimens))
		}
	}
	if len(names) == 0 {
		return nil, lost
	}
	return names, nil
}

// bandCount seeks the number of bands that assets of a key have.
func (p *Plan) bandCount(key string) sought {
	return sought{
		files: func(item int) []file {
			for k := range p.Items[item].Assets {
				if a := &p.Items[item].Assets[k]; a.Key == key && isGeoTIFF(a) && !isPicture(a) {
					return []file{{item: item, asset: k}}
				}
			}
			return nil
		},
		listed: func(f *file) bool { return len(p.asset(f).Bands) > 0 },
		check:  func(s *specimen) error { return core.InBand(s.files[0].err, p.Items[s.item].ID, key) },
	}
}

// dataSamples is the number of a file's samples without an alpha one.
func dataSamples(h *cog.Header) int {
	n := h.Levels[0].Samples
	if n > 1 && h.Levels[0].AlphaSample() >= 0 {
		n--
	}
	return n
}

// numbered names the bands of an asset: its key, or key.1, key.2, ... if there are several.
func numbered(key string, count int) []string {
	if count <= 1 {
		return []string{key}
	}
	names := make([]string, count)
	for i := range names {
		names[i] = fmt.Sprintf("%s.%d", key, i+1)
	}
	return names
}

// candidates lists what a band may be called in the items, for an error message.
func candidates(items []core.Item) string {
	var names []string
	for i := range items[:min(len(items), 20)] {
		for k := range items[i].Assets {
			a := &items[i].Assets[k]
			for _, name := range append(numbered(a.Key, len(a.Bands)), commonNames(a)...) {
				if name != "" && !slices.Contains(names, name) {
					names = append(names, name)
				}
			}
		}
	}
	if len(names) > 40 {
		names = append(names[:40], fmt.Sprintf("and %d more", len(names)-40))
	}
	return strings.Join(names, ", ")
}

func commonNames(a *core.ItemAsset) []string {
	var names []string
	for _, b := range a.Bands {
		names = append(names, b.CommonName)
	}
	return names
}

// locate finds every band in every item: places per layout and band, asset -1 where the item lacks the band,
// and the layout of each item.
func locate(items []core.Item, names []string) (rows [][]place, of []int32, err error) {
	selectors := make([]selector, len(names))
	for i, name := range names {
		if selectors[i], err = newSelector(name); err != nil {
			return nil, nil, err
		}
	}
	of = make([]int32, len(items))
	finder := newLayoutFinder()
	seen := make([]bool, len(names))
	for i := range items {
		id, fresh := finder.find(&items[i])
		of[i] = id
		if !fresh {
			continue
		}
		row, err := locateIn(&items[i], selectors)
		if err != nil {
			return nil, nil, err
		}
		rows = append(rows, row)
		for b := range row {
			seen[b] = seen[b] || row[b].asset >= 0
		}
	}
	for b, found := range seen {
		if !found {
			return nil, nil, core.Errorf(core.InvalidArgument, "UnknownBand", "band %q is in no item; there are: %s", names[b], candidates(items))
		}
	}
	return rows, of, nil
}

func locateIn(item *core.Item, selectors []selector) ([]place, error) {
	row := make([]place, len(selectors))
	for b, s := range selectors {
		found := s.find(item)
		if len(found) > 1 {
			var keys []string
			for _, p := range found {
				keys = append(keys, item.Assets[p.asset].Key)
			}
			e := core.Errorf(core.InvalidArgument, "AmbiguousBand", "band %q may be any of %s", s.name, strings.Join(keys, ", "))
			e.ItemID = item.ID
			return nil, e
		}
		row[b] = place{asset: -1}
		if len(found) == 1 {
			row[b] = found[0]
		}
	}
	return row, nil
}

// Hrefs lists the files that hold the bands, each once, in the order of items and bands. bands nil: every
// GeoTIFF asset that is no picture.
func Hrefs(items []core.Item, bands []string) ([]string, error) {
	if bands == nil {
		for _, at := range defaultAssets(items) {
			bands = append(bands, items[at.item].Assets[at.asset].Key)
		}
	}
	rows, of, err := locate(items, bands)
	if err != nil {
		return nil, err
	}
	var hrefs []string
	seen := map[string]bool{}
	for i, layout := range of {
		for _, at := range rows[layout] {
			if at.asset < 0 {
				continue
			}
			if href := items[i].Assets[at.asset].Href; !seen[href] {
				seen[href] = true
				hrefs = append(hrefs, href)
			}
		}
	}
	return hrefs, nil
}
