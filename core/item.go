package core

import "math"

// Item is what cogweave keeps of a STAC item: everything that planning needs, nothing else.
// Differences between STAC 1.0 and 1.1 and between versions of the projection, raster, eo and storage
// extensions are absorbed where an Item is made (package table).
type Item struct {
	ID string
	// Datetime is the instant that groups the item, in microseconds: datetime, or start_datetime
	// where datetime is null; NoDatetime where both are.
	Datetime int64
	BBox     [4]float64 // longitude and latitude of the footprint; NaN where the item has none
	Assets   []ItemAsset
}

// NoDatetime stands for a missing instant; no time axis holds that number.
const NoDatetime = math.MinInt64

// ItemAsset is one file of an item. Among a million items few descriptions differ: those that are equal are one.
type ItemAsset struct {
	*AssetDescription
	Href string // resolved against the item's self link or the catalog
}

// AssetDescription is what a catalog says of a file, its address apart. It does not change: assets share it.
type AssetDescription struct {
	Key       string
	MediaType string
	Title     string
	Roles     []string
	Bands     []AssetBand // as the catalog lists them; empty when it does not
	Proj      Proj
	Storage   Storage
}

// Storage is the storage extension's view of an asset, versions 1 and 2; fields are zero where the
// catalog says nothing.
type Storage struct {
	Region        string
	RequesterPays bool
	Endpoint      string // URL of an S3 server that is none of the large providers'
	BucketInHost  bool   // the host of Endpoint names the bucket
}

// AssetBand is one band of an asset as the catalog describes it.
type AssetBand struct {
	Name       string
	CommonName string
	DType      DType // "" where unknown
	NoData     NoData
	Scale      float64 // 1 where absent
	Offset     float64
	HasScale   bool
	Wavelength float64 // of the band's centre, micrometres; 0 where unknown
}

// Proj is the projection extension's view of an asset; fields are zero where the catalog says nothing.
type Proj struct {
	CRS          string // "EPSG:32633", WKT2 or PROJJSON
	Shape        [2]int // rows, columns
	Transform    Affine
	HasTransform bool
}

// Known tells whether the raster's outline can be had without reading its header.
func (p Proj) Known() bool {
	return p.CRS != "" && p.HasTransform && p.Transform.Valid() && p.Shape[0] > 0 && p.Shape[1] > 0
}
