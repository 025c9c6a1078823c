package table

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"cogweave/core"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/tidwall/gjson"
)

// jsonProj are the members of the projection extension in JSON.
type jsonProj struct {
	Code      string          `json:"proj:code"`
	EPSG      *float64        `json:"proj:epsg"`
	WKT2      string          `json:"proj:wkt2"`
	PROJJSON  json.RawMessage `json:"proj:projjson"`
	Shape     []float64       `json:"proj:shape"`
	Transform []float64       `json:"proj:transform"`
}

func (j *jsonProj) raw(p *rawProj) (err error) {
	switch {
	case j.Code != "":
		p.crs = j.Code
	case j.EPSG != nil && epsg(*j.EPSG) != "":
		p.crs = epsg(*j.EPSG)
	case j.WKT2 != "":
		p.crs, err = checkCRS(j.WKT2)
	case len(j.PROJJSON) > 0 && string(j.PROJJSON) != "null":
		p.crs, err = checkCRS(string(j.PROJJSON))
	}
	if err == nil && len(j.Shape) == 2 {
		err = p.setShape(j.Shape[0], j.Shape[1])
	}
	if err == nil && len(j.Transform) > 0 {
		err = p.setTransform(j.Transform)
	}
	return err
}

// jsonNumber is a number, or a text that stands for one ("nan").
type jsonNumber struct {
	set   bool
	value float64
}

// UnmarshalJSON never fails: what is no number is left out, as in a column of another type.
func (n *jsonNumber) UnmarshalJSON(text []byte) error {
	if v := core.ParseNoData(strings.Trim(string(text), `"`)); v.Set {
		n.set, n.value = true, v.Value
	}
	return nil
}

// jsonBand is a band in bands, raster:bands or eo:bands.
type jsonBand struct {
	Name         string     `json:"name"`
	EOCommonName string     `json:"eo:common_name"`
	CommonName   string     `json:"common_name"`
	Wavelength   jsonNumber `json:"center_wavelength"`
	EOWavelength jsonNumber `json:"eo:center_wavelength"`
	DataType     string     `json:"data_type"`
	NoData       jsonNumber `json:"nodata"`
	RasterScale  jsonNumber `json:"raster:scale"`
	RasterOffset jsonNumber `json:"raster:offset"`
	Scale        jsonNumber `json:"scale"`
	Offset       jsonNumber `json:"offset"`
}

func (j *jsonBand) band() core.AssetBand {
	b := core.AssetBand{Name: j.Name, CommonName: j.EOCommonName, DType: dtypeNamed(j.DataType), Scale: 1}
	setWavelength(&b, j.Wavelength.value)
	setWavelength(&b, j.EOWavelength.value)
	if b.CommonName == "" {
		b.CommonName = j.CommonName
	}
	b.NoData = core.NoData{Set: j.NoData.set, Value: j.NoData.value}
	scale, offset := j.RasterScale, j.RasterOffset
	if !scale.set {
		scale = j.Scale
	}
	if !offset.set {
		offset = j.Offset
	}
	setScale(&b, scale.value, scale.set, offset.value, offset.set)
	return b
}

// jsonBands is a list of bands; the numbers that STAC 0.8 put there say nothing.
type jsonBands []core.AssetBand

// UnmarshalJSON reads objects and passes over everything else.
func (l *jsonBands) UnmarshalJSON(text []byte) error {
	var members []json.RawMessage
	if json.Unmarshal(text, &members) != nil {
		return nil
	}
	for _, member := range members {
		var band jsonBand
		if err := json.Unmarshal(member, &band); err != nil {
			continue
		}
		*l = append(*l, band.band())
	}
	return nil
}

// jsonAsset is an asset in JSON.
type jsonAsset struct {
	Href  *string  `json:"href"`
	Type  string   `json:"type"`
	Title string   `json:"title"`
	Roles []string `json:"roles"`
	jsonProj
	jsonStorage
	Bands        jsonBands  `json:"bands"`
	RasterBands  jsonBands  `json:"raster:bands"`
	EOBands      jsonBands  `json:"eo:bands"`
	DataType     string     `json:"data_type"`
	NoData       jsonNumber `json:"nodata"`
	RasterScale  jsonNumber `json:"raster:scale"`
	RasterOffset jsonNumber `json:"raster:offset"`
	CommonName   string     `json:"eo:common_name"`
}

// jsonAssets are an object from key to asset, as JSON text.
type jsonAssets struct {
	text   textReader
	wanted []string
	intern *interner
	copied []byte // the text of a row
}

func (r *jsonAssets) read(row int, ctx *assetContext) ([]core.ItemAsset, error) {
	text, ok := r.text.peek(row)
	if !ok || text == "" || text == "null" {
		return nil, nil
	}
	var assets []core.ItemAsset
	r.copied = append(r.copied[:0], text...)
	err := eachMember(r.copied, text, func(key, value string) error {
		if r.wanted != nil && !slices.Contains(r.wanted, key) {
			return nil
		}
		key = r.intern.keep(key)
		j, err := r.intern.members.asset([]byte(value))
		if err != nil {
			return fmt.Errorf("asset %q: %w", key, err)
		}
		if j.Href == nil || *j.Href == "" {
			return nil
		}
		asset, err := r.asset(key, &j, ctx)
		assets = append(assets, asset)
		return err
	})
	if err != nil {
		return nil, jsonFailure(ctx, err)
	}
	return inWantedOrder(assets, r.wanted), nil
}

// eachMember calls f for the members of an object, in their order, but for those that are null. Texts lie in that of the
// object, of which copied is a copy.
func eachMember(copied []byte, text string, f func(key, value string) error) error {
	if !json.Valid(copied) { // gjson's own check goes as deep as a text is nested, until no stack is left
		return json.Unmarshal(copied, new(json.RawMessage))
	}
	object := gjson.Parse(text)
	if !object.IsObject() {
		return errors.New("they are no JSON object")
	}
	var err error
	object.ForEach(func(key, value gjson.Result) bool {
		if value.Type != gjson.Null {
			err = f(key.String(), value.Raw)
		}
		return err == nil
	})
	return err
}

// jsonFailure keeps an error that names its asset already.
func jsonFailure(ctx *assetContext, err error) error {
	var named *core.Error
	if errors.As(err, &named) && named.ItemID != "" {
		return named
	}
	e := core.Errorf(core.SearchError, "ItemError", "item's assets cannot be used: %w", err)
	e.ItemID = ctx.itemID
	return e
}

func (r *jsonAssets) asset(key string, j *jsonAsset, ctx *assetContext) (core.ItemAsset, error) {
	told := core.AssetDescription{Key: key, MediaType: r.intern.keep(j.Type), Title: r.intern.keep(j.Title), Roles: j.Roles}
	asset, err := core.ItemAsset{}, error(nil)
	if asset.Href, err = resolveHref(*j.Href, ctx); err != nil {
		return asset, assetError(ctx, key, "href", err)
	}
	var proj rawProj
	if err := j.jsonProj.raw(&proj); err != nil {
		return asset, assetError(ctx, key, "projection", err)
	}
	proj.fill(&ctx.proj)
	told.Proj = proj.proj()
	told.Storage = ctx.storage.of(j.refs(), j.jsonStorage.raw().own)
	own := jsonBand{EOCommonName: j.CommonName, DataType: j.DataType, NoData: j.NoData, RasterScale: j.RasterScale, RasterOffset: j.RasterOffset}
	told.Bands = mergeBands(own.band(), j.Bands, j.RasterBands, j.EOBands)
	asset.AssetDescription = r.intern.descriptions.keep(&told)
	return asset, nil
}

// rawProperties are the properties that make an item.
type rawProperties struct {
	Datetime      string `json:"datetime"`
	StartDatetime string `json:"start_datetime"`
	jsonProj
	jsonStorage
	rawProj `json:"-"`
}

// jsonReader reads properties that are JSON text.
type jsonReader struct {
	text   textReader
	last   string // in the batch's memory: neighbours are often equal
	parsed *rawProperties
}

func newJSONReader(a arrow.Array) jsonReader { return jsonReader{text: newTextReader(a, nil)} }

// get gives the properties of a row, or nil where the column has another shape.
func (r *jsonReader) get(row int) (*rawProperties, error) {
	text, ok := r.text.peek(row)
	if !ok || text == "" {
		return nil, nil
	}
	if text == r.last {
		return r.parsed, nil
	}
	p := &rawProperties{}
	if err := json.Unmarshal([]byte(text), p); err != nil {
		return nil, err
	}
	if err := p.jsonProj.raw(&p.rawProj); err != nil {
		return nil, err
	}
	r.last, r.parsed = text, p
	return p, nil
}

// selfInJSON gives the href of the self link in links that are JSON text, or "".
func selfInJSON(text string) string {
	var links []struct{ Rel, Href string }
	if json.Unmarshal([]byte(text), &links) != nil {
		return ""
	}
	for _, link := range links {
		if link.Rel == "self" {
			return link.Href
		}
	}
	return ""
}
