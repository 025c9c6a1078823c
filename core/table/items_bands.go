package table

import (
	"math"

	"cogweave/core"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
)

// mergeBands joins what STAC 1.1's bands, raster:bands and eo:bands say of an asset's bands, by their
// position; the first that states something wins. own is what the asset states of all its bands.
func mergeBands(own core.AssetBand, lists ...[]core.AssetBand) []core.AssetBand {
	n := 0
	for _, list := range lists {
		n = max(n, len(list))
	}
	if n == 0 {
		if sameBand(own, core.AssetBand{Scale: 1}) {
			return nil
		}
		// An asset of one band may state it without a list.
		return []core.AssetBand{own}
	}
	bands := make([]core.AssetBand, n)
	for i := range bands {
		bands[i].Scale = 1
		for _, list := range lists {
			if i < len(list) {
				fillBand(&bands[i], &list[i])
			}
		}
		own.Name, own.CommonName = "", ""
		fillBand(&bands[i], &own)
	}
	return bands
}

func fillBand(b, o *core.AssetBand) {
	if b.Name == "" {
		b.Name = o.Name
	}
	if b.CommonName == "" {
		b.CommonName = o.CommonName
	}
	if b.Wavelength == 0 {
		b.Wavelength = o.Wavelength
	}
	if b.DType == "" {
		b.DType = o.DType
	}
	if !b.NoData.Set {
		b.NoData = o.NoData
	}
	if !b.HasScale && o.HasScale {
		b.Scale, b.Offset, b.HasScale = o.Scale, o.Offset, true
	}
}

// dtypeNamed gives the pixel type of a data_type, or "" for one that arrays do not have. name may lie in a batch that
// the item outlives: the type is our own word for it.
func dtypeNamed(name string) core.DType {
	for _, d := range core.DTypes() {
		if string(d) == name {
			return d
		}
	}
	return ""
}

// bandFields read the members that describe one band, wherever they stand: in a list or in the asset.
type bandFields struct {
	name, common, dtype textReader
	nodata              func(i int) (float64, bool)
	scale, offset       func(i int) (float64, bool)
	wavelength          func(i int) (float64, bool)
}

func newBandFields(f fields, intern *interner) bandFields {
	first := func(names ...string) arrow.Array {
		for _, name := range names {
			if a := f.get(name); a != nil {
				return a
			}
		}
		return nil
	}
	return bandFields{
		name:   newTextReader(first("name"), intern),
		common: newTextReader(first("eo:common_name", "common_name"), intern),
		dtype:  newTextReader(first("data_type"), intern),
		nodata: numberAt(first("nodata")),
		scale:  numberAt(first("raster:scale", "scale")),
		offset: numberAt(first("raster:offset", "offset")),

		wavelength: numberAt(first("eo:center_wavelength", "center_wavelength")),
	}
}

func (r *bandFields) read(i int) core.AssetBand {
	b := core.AssetBand{Scale: 1}
	b.Name, _ = r.name.get(i)
	b.CommonName, _ = r.common.get(i)
	if name, ok := r.dtype.peek(i); ok {
		b.DType = dtypeNamed(name)
	}
	if r.nodata != nil {
		if v, ok := r.nodata(i); ok {
			b.NoData = core.NoData{Set: true, Value: v}
		}
	}
	if r.wavelength != nil {
		if v, ok := r.wavelength(i); ok {
			setWavelength(&b, v)
		}
	}
	var scale, offset float64
	var hasScale, hasOffset bool
	if r.scale != nil {
		scale, hasScale = r.scale(i)
	}
	if r.offset != nil {
		offset, hasOffset = r.offset(i)
	}
	setScale(&b, scale, hasScale, offset, hasOffset)
	return b
}

// setWavelength ignores what is no wavelength.
func setWavelength(b *core.AssetBand, micrometres float64) {
	if micrometres > 0 && !math.IsInf(micrometres, 0) {
		b.Wavelength = micrometres
	}
}

// setScale ignores what cannot scale anything.
func setScale(b *core.AssetBand, scale float64, hasScale bool, offset float64, hasOffset bool) {
	finite := func(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }
	if hasScale && finite(scale) && scale != 0 {
		b.Scale, b.HasScale = scale, true
	}
	if hasOffset && finite(offset) {
		b.Offset, b.HasScale = offset, true
	}
}

// bandsReader reads a list of bands that are structs. Neighbouring rows mostly list the same bands, and
// share one slice.
type bandsReader struct {
	listReader
	fields bandFields
}

func newBandsReader(a arrow.Array, intern *interner) bandsReader {
	r := bandsReader{listReader: newListReader(a)}
	if _, ok := r.values.(*array.Struct); !ok {
		return bandsReader{}
	}
	r.fields = newBandFields(structFields(r.values), intern)
	return r
}

// read gives the bands of a row in scratch.
func (r *bandsReader) read(row int, scratch []core.AssetBand) []core.AssetBand {
	scratch = scratch[:0]
	from, to := r.span(row)
	for i := from; i < to; i++ {
		if r.values.IsNull(i) {
			scratch = append(scratch, core.AssetBand{Scale: 1})
			continue
		}
		scratch = append(scratch, r.fields.read(i))
	}
	return scratch
}
