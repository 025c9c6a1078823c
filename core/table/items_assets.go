package table

import (
	"slices"

	"cogweave/core"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
)

// assetContext is what an asset needs of its item.
type assetContext struct {
	itemID  string
	row     int
	proj    rawProj
	storage rawStorage
	links   linksReader
	catalog string // where the catalog was read from
	origin  string // of the last URL that was checked: most hrefs of a catalog begin alike
}

// base is where relative hrefs start.
func (c *assetContext) base() string { return c.links.self(c.row, c.catalog) }

// assetsReader reads the assets column in one of its shapes.
type assetsReader interface {
	read(row int, ctx *assetContext) ([]core.ItemAsset, error)
}

func newAssetsReader(a arrow.Array, wanted []string, intern *interner) (assetsReader, error) {
	switch a := a.(type) {
	case *array.Struct:
		return newStructAssets(a, wanted, intern), nil
	case *array.Map:
		return newMapAssets(a, wanted, intern)
	}
	if text := newTextReader(a, nil); text.array != nil {
		return &jsonAssets{text: text, wanted: wanted, intern: intern}, nil
	}
	return nil, core.Errorf(core.SearchError, "NotStac", "the table holds no STAC items: its column assets is %s, not a structure, map or JSON text", a.DataType())
}

// structAssets are a struct with one field for each key; an item lacks those that are null.
type structAssets struct {
	whole  *array.Struct
	assets []assetReader
	pool   []core.ItemAsset
}

func newStructAssets(a *array.Struct, wanted []string, intern *interner) *structAssets {
	all := structFields(a)
	if wanted == nil {
		wanted = all.names
	}
	r := &structAssets{whole: a}
	for _, key := range wanted {
		if field := all.get(key); field != nil {
			r.assets = append(r.assets, newAssetReader(key, field, intern))
		}
	}
	return r
}

func (r *structAssets) read(row int, ctx *assetContext) ([]core.ItemAsset, error) {
	if r.whole.IsNull(row) {
		return nil, nil
	}
	// Lists of assets are cut from larger pieces.
	if cap(r.pool)-len(r.pool) < len(r.assets) {
		r.pool = make([]core.ItemAsset, 0, max(len(r.assets), min(r.whole.Len()*len(r.assets), 4096)))
	}
	start := len(r.pool)
	for i := range r.assets {
		asset, ok, err := r.assets[i].read(row, ctx)
		if err != nil {
			return nil, err
		}
		if ok {
			r.pool = append(r.pool, asset)
		}
	}
	return r.pool[start:len(r.pool):len(r.pool)], nil
}

// mapAssets are a map from key to struct.
type mapAssets struct {
	whole  *array.Map
	keys   textReader
	asset  assetReader
	wanted []string
}

func newMapAssets(a *array.Map, wanted []string, intern *interner) (assetsReader, error) {
	r := &mapAssets{whole: a, keys: newTextReader(storage(a.Keys()), intern), wanted: wanted}
	values := storage(a.Items())
	if r.keys.array == nil || structFields(values).arrays == nil {
		return nil, core.Errorf(core.SearchError, "NotStac", "the table holds no STAC items: its column assets is %s", a.DataType())
	}
	r.asset = newAssetReader("", values, intern)
	return r, nil
}

func (r *mapAssets) read(row int, ctx *assetContext) ([]core.ItemAsset, error) {
	if r.whole.IsNull(row) {
		return nil, nil
	}
	from, to := r.whole.ValueOffsets(row)
	var assets []core.ItemAsset
	for i := int(from); i < int(to); i++ {
		key, _ := r.keys.get(i)
		if r.wanted != nil && !slices.Contains(r.wanted, key) {
			continue
		}
		r.asset.key = key
		asset, ok, err := r.asset.read(i, ctx)
		if err != nil {
			return nil, err
		}
		if ok {
			assets = append(assets, asset)
		}
	}
	return inWantedOrder(assets, r.wanted), nil
}

// inWantedOrder sorts assets as they were asked for.
func inWantedOrder(assets []core.ItemAsset, wanted []string) []core.ItemAsset {
	if wanted != nil {
		slices.SortStableFunc(assets, func(a, b core.ItemAsset) int {
			return slices.Index(wanted, a.Key) - slices.Index(wanted, b.Key)
		})
	}
	return assets
}

// assetReader reads one asset of each row from a struct.
type assetReader struct {
	key              string
	whole            arrow.Array
	href             textReader
	mediaType, title textReader
	roles            rolesReader
	proj             projReader
	hasProj          bool
	storage          storageReader
	bands            bandsOfAsset
	intern           *interner
	told             core.AssetDescription // of the latest row
}

func newAssetReader(key string, a arrow.Array, intern *interner) assetReader {
	f := structFields(a)
	r := assetReader{
		key: key, whole: a,
		href: newTextReader(f.get("href"), nil), mediaType: newTextReader(f.get("type"), intern), title: newTextReader(f.get("title"), intern),
		roles:   newRolesReader(f.get("roles"), intern),
		proj:    newProjReader(f.get, intern),
		storage: newStorageReader(f.get, intern),
		bands:   newBandsOfAsset(f, intern),
		intern:  intern,
	}
	r.hasProj = slices.ContainsFunc(f.names, func(name string) bool { return len(name) > 5 && name[:5] == "proj:" })
	return r
}

// read decodes one asset; ok is false where the row has none, or one without href.
func (r *assetReader) read(row int, ctx *assetContext) (asset core.ItemAsset, ok bool, err error) {
	if r.whole.IsNull(row) {
		return asset, false, nil
	}
	href, ok := r.href.peek(row)
	if !ok || href == "" {
		return asset, false, nil
	}
	if href, err = resolveHref(href, ctx); err != nil {
		return asset, false, assetError(ctx, r.key, "href", err)
	}
	asset.Href = r.intern.unlike.keep(href)
	if err := r.describe(row, ctx); err != nil {
		return asset, false, assetError(ctx, r.key, "projection", err)
	}
	asset.AssetDescription = r.intern.descriptions.keep(&r.told)
	return asset, true, nil
}

// describe puts what a row says of the asset into told.
func (r *assetReader) describe(row int, ctx *assetContext) error {
	r.told = core.AssetDescription{Key: r.key, Roles: r.roles.get(row), Bands: r.bands.get(row)}
	r.told.MediaType, _ = r.mediaType.get(row)
	r.told.Title, _ = r.title.get(row)
	if r.storage.any() {
		r.told.Storage = ctx.storage.of(r.storage.refs.get(row), r.storage.own(row))
	} else {
		r.told.Storage = ctx.storage.of(nil, core.Storage{})
	}
	if !r.hasProj {
		r.told.Proj = ctx.proj.proj()
		return nil
	}
	var proj rawProj
	if err := r.proj.read(row, &proj); err != nil {
		return err
	}
	proj.fill(&ctx.proj)
	r.told.Proj = proj.proj()
	return nil
}

func assetError(ctx *assetContext, key, field string, err error) error {
	e := core.Errorf(core.SearchError, "ItemError", "%s of asset %q cannot be used: %w", field, key, err)
	e.ItemID = ctx.itemID
	return e
}

// rolesReader reads lists of texts; neighbouring rows share one slice where they are equal.
type rolesReader struct {
	listReader
	values textReader
	last   []string
}

func newRolesReader(a arrow.Array, intern *interner) rolesReader {
	r := rolesReader{listReader: newListReader(a)}
	if r.list != nil {
		r.values = newTextReader(r.listReader.values, intern)
	}
	return r
}

func (r *rolesReader) get(row int) []string {
	from, to := r.span(row)
	if from == to {
		return nil
	}
	if r.same(from, to) {
		return r.last
	}
	r.last = make([]string, 0, to-from)
	for i := from; i < to; i++ {
		role, _ := r.values.get(i)
		r.last = append(r.last, role)
	}
	return r.last
}

func (r *rolesReader) same(from, to int) bool {
	if to-from != len(r.last) {
		return false
	}
	for i := from; i < to; i++ {
		if role, _ := r.values.peek(i); role != r.last[i-from] {
			return false
		}
	}
	return true
}

// bandsOfAsset reads and joins the lists of bands; neighbouring rows share one slice where they are equal.
type bandsOfAsset struct {
	lists   [3]bandsReader // bands, raster:bands, eo:bands
	own     bandFields
	hasOwn  bool
	scratch [3][]core.AssetBand
	lastOwn core.AssetBand
	lasts   [3][]core.AssetBand
	merged  []core.AssetBand
}

func newBandsOfAsset(f fields, intern *interner) bandsOfAsset {
	r := bandsOfAsset{}
	for i, name := range [...]string{"bands", "raster:bands", "eo:bands"} {
		r.lists[i] = newBandsReader(f.get(name), intern)
	}
	// The asset's own name and scale are not those of a band, unless an extension's prefix says so.
	own := fields{}
	for i, name := range f.names {
		switch name {
		case "data_type", "nodata", "raster:scale", "raster:offset", "eo:common_name":
			own.names, own.arrays = append(own.names, name), append(own.arrays, f.arrays[i])
		}
	}
	r.own, r.hasOwn = newBandFields(own, intern), len(own.names) > 0
	r.lastOwn = core.AssetBand{Scale: 1}
	return r
}

func (r *bandsOfAsset) get(row int) []core.AssetBand {
	own := core.AssetBand{Scale: 1}
	if r.hasOwn {
		own = r.own.read(row)
	}
	same := sameBand(own, r.lastOwn)
	for i := range r.lists {
		if r.lists[i].list == nil {
			continue
		}
		r.scratch[i] = r.lists[i].read(row, r.scratch[i])
		same = same && slices.EqualFunc(r.scratch[i], r.lasts[i], sameBand)
	}
	if !same {
		r.lastOwn = own
		for i := range r.lasts {
			r.lasts[i] = append(r.lasts[i][:0], r.scratch[i]...)
		}
		r.merged = mergeBands(own, r.scratch[:]...)
	}
	return r.merged
}

func sameBand(a, b core.AssetBand) bool {
	if !a.NoData.Equal(b.NoData) {
		return false
	}
	a.NoData, b.NoData = core.NoData{}, core.NoData{}
	return a == b
}
