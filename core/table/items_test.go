package table

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"cogweave/core"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// rows makes a batch of a schema from JSON rows.
func rows(t testing.TB, schema *arrow.Schema, textType string) []arrow.RecordBatch {
	t.Helper()
	rec, _, err := array.RecordFromJSON(memory.DefaultAllocator, schema, strings.NewReader(textType))
	if err != nil {
		t.Fatal(err)
	}
	return []arrow.RecordBatch{rec}
}

func one(t testing.TB, schema *arrow.Schema, row string) (core.Item, error) {
	t.Helper()
	items, err := ParseItems(rows(t, schema, "["+row+"]"), "/catalog/items.parquet")
	if err != nil {
		return core.Item{}, err
	}
	return items[0], nil
}

func must(t testing.TB, schema *arrow.Schema, row string) core.Item {
	t.Helper()
	item, err := one(t, schema, row)
	if err != nil {
		t.Fatal(err)
	}
	return item
}

func schemaOf(columns ...any) *arrow.Schema {
	var all []arrow.Field
	for i := 0; i < len(columns); i += 2 {
		all = append(all, arrow.Field{Name: columns[i].(string), Type: columns[i+1].(arrow.DataType), Nullable: true})
	}
	return arrow.NewSchema(all, nil)
}

func structOf(columns ...any) arrow.DataType { return arrow.StructOf(schemaOf(columns...).Fields()...) }

var (
	textType    arrow.DataType = arrow.BinaryTypes.String
	realType    arrow.DataType = arrow.PrimitiveTypes.Float64
	integerType arrow.DataType = arrow.PrimitiveTypes.Int64
	microsType  arrow.DataType = &arrow.TimestampType{Unit: arrow.Microsecond, TimeZone: "UTC"}
	sidesType                  = structOf("xmin", realType, "ymin", realType, "xmax", realType, "ymax", realType)
)

func TestShapesOfDatetime(t *testing.T) {
	const want = 1717200000123456
	assets := structOf("a", structOf("href", textType))
	for name, c := range map[string]struct {
		kind  arrow.DataType
		value string
		want  int64
	}{
		"microseconds": {microsType, `"2024-06-01T00:00:00.123456Z"`, want},
		"nanoseconds":  {&arrow.TimestampType{Unit: arrow.Nanosecond}, `"2024-06-01T00:00:00.123456789"`, want},
		"milliseconds": {&arrow.TimestampType{Unit: arrow.Millisecond, TimeZone: "UTC"}, `"2024-06-01T00:00:00.123Z"`, want - 456},
		"seconds":      {&arrow.TimestampType{Unit: arrow.Second}, `"2024-06-01T00:00:00"`, want - 123456},
		"date":         {arrow.FixedWidthTypes.Date32, `"2024-06-01"`, want - 123456},
		"text":         {textType, `"2024-06-01T02:00:00.1234567+02:00"`, want},
		"text, no T":   {textType, `"2024-06-01 00:00:00.123456"`, want},
		"large text":   {arrow.BinaryTypes.LargeString, `"2024-06-01T00:00:00.123456Z"`, want},
	} {
		item := must(t, schemaOf("id", textType, "datetime", c.kind, "assets", assets), `{"id":"x","datetime":`+c.value+`}`)
		if item.Datetime != c.want {
			t.Errorf("%s: %d, want %d", name, item.Datetime, c.want)
		}
	}
	both := schemaOf("id", textType, "datetime", microsType, "start_datetime", textType, "assets", assets)
	if item := must(t, both, `{"id":"x","start_datetime":"2024-06-01T00:00:00.123456Z"}`); item.Datetime != want {
		t.Errorf("start_datetime was not taken: %+v", item)
	}
	if item := must(t, both, `{"id":"x"}`); item.Datetime != core.NoDatetime {
		t.Errorf("an item without time has one: %+v", item)
	}
	nested := schemaOf("id", textType, "properties", structOf("datetime", textType), "assets", assets)
	if item := must(t, nested, `{"id":"x","properties":{"datetime":"2024-06-01T00:00:00.123456Z"}}`); item.Datetime != want {
		t.Errorf("nested datetime was not taken: %+v", item)
	}
	asJSON := schemaOf("id", textType, "properties", textType, "assets", assets)
	if item := must(t, asJSON, `{"id":"x","properties":"{\"datetime\":null,\"start_datetime\":\"2024-06-01T00:00:00.123456Z\"}"}`); item.Datetime != want {
		t.Errorf("datetime in JSON text was not taken: %+v", item)
	}
}

func TestShapesOfBBox(t *testing.T) {
	assets := structOf("a", structOf("href", textType))
	want := [4]float64{1, 2, 3, 4}
	for name, c := range map[string]struct {
		kind  arrow.DataType
		value string
	}{
		"struct":     {sidesType, `{"xmin":1,"ymin":2,"xmax":3,"ymax":4}`},
		"list":       {arrow.ListOf(realType), `[1,2,3,4]`},
		"list of 6":  {arrow.ListOf(realType), `[1,2,-9,3,4,9]`},
		"fixed list": {arrow.FixedSizeListOf(4, realType), `[1,2,3,4]`},
		"float32":    {arrow.ListOf(arrow.PrimitiveTypes.Float32), `[1,2,3,4]`},
		"JSON text":  {textType, `"[1, 2, 3, 4]"`},
	} {
		if item := must(t, schemaOf("id", textType, "bbox", c.kind, "assets", assets), `{"id":"x","bbox":`+c.value+`}`); item.BBox != want {
			t.Errorf("%s: %v", name, item.BBox)
		}
		if item := must(t, schemaOf("id", textType, "bbox", c.kind, "assets", assets), `{"id":"x","bbox":null}`); known(item.BBox) {
			t.Errorf("%s null: %v", name, item.BBox)
		}
	}
	// A point at (5, 6), as well-known binary in base64.
	wkb := `"AQEAAAAAAAAAAAAUQAAAAAAAABhA"`
	for _, kind := range []arrow.DataType{arrow.BinaryTypes.Binary, arrow.BinaryTypes.LargeBinary} {
		item := must(t, schemaOf("id", textType, "geometry", kind, "assets", assets), `{"id":"x","geometry":`+wkb+`}`)
		if item.BBox != [4]float64{5, 6, 5, 6} {
			t.Errorf("from %s geometry: %v", kind, item.BBox)
		}
	}
	if _, err := one(t, schemaOf("id", textType, "bbox", arrow.ListOf(realType), "assets", assets), `{"id":"x","bbox":[1,2,3]}`); err == nil {
		t.Error("a bbox of three numbers was accepted")
	}
}

var (
	rasterBands = arrow.ListOf(structOf("nodata", integerType, "data_type", textType, "scale", realType, "offset", realType))
	eoBands     = arrow.ListOf(structOf("name", textType, "common_name", textType))
	wantBand    = core.AssetBand{Name: "B4", CommonName: "red", DType: core.UInt16, NoData: core.NoData{Set: true}, Scale: 0.5, Offset: -3, HasScale: true}
	wantProj    = core.Proj{CRS: "EPSG:32633", Shape: [2]int{20, 10}, Transform: core.Affine{A: 30, C: 100, E: -30, F: 200}, HasTransform: true}
)

const (
	rasterJSON = `[{"nodata":0,"data_type":"uint16","scale":0.5,"offset":-3}]`
	eoJSON     = `[{"name":"B4","common_name":"red"}]`
	projJSON   = `"proj:epsg":32633,"proj:shape":[20,10],"proj:transform":[30,0,100,0,-30,200]`
)

func TestShapesOfAssets(t *testing.T) {
	asset := structOf("href", textType, "type", textType, "title", textType, "roles", arrow.ListOf(textType), "proj:epsg", integerType,
		"proj:shape", arrow.ListOf(integerType), "proj:transform", arrow.ListOf(realType), "raster:bands", rasterBands, "eo:bands", eoBands)
	row := `{"href":"https://h/a.tif?sig=x%2Fy","type":"image/tiff","title":"T","roles":["data","x"],` + projJSON +
		`,"raster:bands":` + rasterJSON + `,"eo:bands":` + eoJSON + `}`
	quoted, _ := json.Marshal(`{"none":{"title":"no href"},"red":` + row + `,"gone":null}`)
	want := []core.ItemAsset{{Href: "https://h/a.tif?sig=x%2Fy", AssetDescription: &core.AssetDescription{Key: "red", MediaType: "image/tiff", Title: "T",
		Roles: []string{"data", "x"}, Bands: []core.AssetBand{wantBand}, Proj: wantProj}}}
	for name, c := range map[string]struct {
		kind  arrow.DataType
		value string
	}{
		"struct":    {structOf("none", structOf("title", textType), "red", asset, "gone", asset), `{"none":{"title":"no href"},"red":` + row + `}`},
		"map":       {arrow.MapOf(textType, asset), `[{"key":"none","value":{"title":"no href"}},{"key":"red","value":` + row + `},{"key":"gone","value":null}]`},
		"JSON text": {textType, string(quoted)},
	} {
		item := must(t, schemaOf("id", textType, "assets", c.kind), `{"id":"x","assets":`+c.value+`}`)
		if !reflect.DeepEqual(item.Assets, want) {
			t.Errorf("%s:\n%+v\nwant\n%+v", name, item.Assets, want)
		}
		if item := must(t, schemaOf("id", textType, "assets", c.kind), `{"id":"x","assets":null}`); len(item.Assets) != 0 || item.ID != "x" {
			t.Errorf("%s, none: %+v", name, item)
		}
	}
}

func TestVersionsOfProjection(t *testing.T) {
	base := []any{"id", textType}
	assets := []any{"assets", structOf("a", structOf("href", textType))}
	parse := func(columns []any, row string) core.Proj {
		item := must(t, schemaOf(append(append(base, columns...), assets...)...), `{"id":"x","assets":{"a":{"href":"https://h/a"}},`+row+`}`)
		return item.Assets[0].Proj
	}
	numbers := []any{"proj:shape", arrow.ListOf(realType), "proj:transform", arrow.ListOf(realType)}
	if got := parse(append([]any{"proj:epsg", realType}, numbers...), projJSON); got != wantProj {
		t.Errorf("item level: %+v", got)
	}
	if got := parse(append([]any{"proj:code", textType}, numbers...), `"proj:code":"EPSG:32633","proj:shape":[20,10],"proj:transform":[30,0,100,0,-30,200,0,0,1]`); got != wantProj {
		t.Errorf("version 2, nine numbers: %+v", got)
	}
	if got := parse([]any{"proj:code", textType, "proj:epsg", integerType}, `"proj:code":"IAU_2015:30100","proj:epsg":4326`); got.CRS != "IAU_2015:30100" {
		t.Errorf("code before epsg: %+v", got)
	}
	if got := parse([]any{"proj:epsg", integerType, "proj:wkt2", textType}, `"proj:epsg":null,"proj:wkt2":"PROJCRS[...]"`); got.CRS != "PROJCRS[...]" {
		t.Errorf("wkt2: %+v", got)
	}
	projjson := structOf("type", textType, "id", structOf("code", integerType), "other", structOf("x", textType))
	if got := parse([]any{"proj:projjson", projjson}, `"proj:projjson":{"type":"GeographicCRS","id":{"code":4326}}`); got.CRS != `{"id":{"code":4326},"type":"GeographicCRS"}` {
		t.Errorf("projjson: %s", got.CRS)
	}
	if got := parse([]any{"proj:projjson", textType}, `"proj:projjson":"{\"type\":\"GeographicCRS\"}"`); got.CRS != `{"type":"GeographicCRS"}` {
		t.Errorf("projjson text: %s", got.CRS)
	}
	if got := parse(numbers, `"proj:shape":[20,10],"proj:transform":[0,0,0,0,0,0]`); got.HasTransform || got.Shape != [2]int{20, 10} {
		t.Errorf("a transform that cannot be inverted is left to the file: %+v", got)
	}
}

func TestAssetLevelProjectionGoesFirst(t *testing.T) {
	columns := schemaOf("id", textType, "proj:epsg", integerType, "proj:shape", arrow.ListOf(integerType), "proj:transform", arrow.ListOf(realType),
		"assets", structOf("own", structOf("href", textType, "proj:shape", arrow.ListOf(integerType), "proj:transform", arrow.ListOf(realType)),
			"other", structOf("href", textType, "proj:code", textType), "none", structOf("href", textType)))
	item := must(t, columns, `{"id":"x",`+projJSON+`,"assets":{"own":{"href":"https://h/1","proj:shape":[2,1],"proj:transform":[60,0,100,0,-60,200]},
		"other":{"href":"https://h/2","proj:code":"EPSG:4326"},"none":{"href":"https://h/3"}}}`)
	own := wantProj
	own.Shape, own.Transform.A, own.Transform.E = [2]int{2, 1}, 60, -60
	for i, want := range []core.Proj{own, {CRS: "EPSG:4326"}, wantProj} {
		if got := item.Assets[i].Proj; got != want {
			t.Errorf("%s: %+v, want %+v", item.Assets[i].Key, got, want)
		}
	}
}

func TestVersionsOfBands(t *testing.T) {
	parse := func(asset arrow.DataType, row string) []core.AssetBand {
		t.Helper()
		item := must(t, schemaOf("id", textType, "assets", structOf("a", asset)), `{"id":"x","assets":{"a":`+row+`}}`)
		quoted, _ := json.Marshal(`{"a":` + row + `}`)
		again := must(t, schemaOf("id", textType, "assets", textType), `{"id":"x","assets":`+string(quoted)+`}`)
		a, b := item.Assets[0].Bands, again.Assets[0].Bands
		if fmt.Sprintf("%+v", a) != fmt.Sprintf("%+v", b) {
			t.Errorf("struct and JSON text differ:\n%+v\n%+v", a, b)
		}
		return a
	}
	v11 := structOf("href", textType, "data_type", textType, "bands", arrow.ListOf(structOf("name", textType, "eo:common_name", textType,
		"nodata", realType, "raster:scale", realType, "raster:offset", realType)))
	if got := parse(v11, `{"href":"https://h/a","data_type":"uint16","bands":[{"name":"B4","eo:common_name":"red","nodata":0,"raster:scale":0.5,"raster:offset":-3}]}`); !reflect.DeepEqual(got, []core.AssetBand{wantBand}) {
		t.Errorf("STAC 1.1: %+v", got)
	}
	if got := parse(structOf("href", textType, "nodata", textType, "data_type", textType), `{"href":"https://h/a","nodata":"nan","data_type":"float32"}`); len(got) != 1 || !math.IsNaN(got[0].NoData.Value) || !got[0].NoData.Set || got[0].DType != core.Float32 {
		t.Errorf("one band stated by its asset: %+v", got)
	}
	three := structOf("href", textType, "eo:bands", eoBands, "raster:bands", rasterBands)
	got := parse(three, `{"href":"https://h/a","eo:bands":[{"name":"r"},{"name":"g"},{"name":"b"}],"raster:bands":[{"data_type":"uint8"},{"data_type":"cint16","nodata":7}]}`)
	if len(got) != 3 || got[0].DType != core.UInt8 || got[1].DType != "" || got[1].NoData.Value != 7 || got[2].Name != "b" || got[2].Scale != 1 || got[2].HasScale {
		t.Errorf("lists of unequal length: %+v", got)
	}
	if got := parse(structOf("href", textType), `{"href":"https://h/a"}`); got != nil {
		t.Errorf("no bands: %+v", got)
	}
}

func TestHrefs(t *testing.T) {
	links := arrow.ListOf(structOf("rel", textType, "href", textType))
	columns := schemaOf("id", textType, "links", links, "assets", structOf("a", structOf("href", textType)))
	resolve := func(self, href, base string) (string, error) {
		quoted, _ := json.Marshal(href)
		row := `[{"id":"x","links":[{"rel":"root","href":"https://root/"},{"rel":"self","href":"` + self + `"}],"assets":{"a":{"href":` + string(quoted) + `}}}]`
		items, err := ParseItems(rows(t, columns, row), base)
		if err != nil {
			return "", err
		}
		if len(items[0].Assets) == 0 {
			return "", nil
		}
		return items[0].Assets[0].Href, nil
	}
	const web, local = "https://h/c/d/item.json?token=1", "/cat/items.parquet"
	for _, c := range [][4]string{
		{web, "https://o/a.tif?sig=%2B", local, "https://o/a.tif?sig=%2B"},
		{web, "s3://bucket/a b.tif", local, "s3://bucket/a b.tif"},
		{web, "a.tif", local, "https://h/c/d/a.tif"},
		{web, "./a%20b.tif?x=1&y=../z", local, "https://h/c/d/a%20b.tif?x=1&y=../z"},
		{web, "../e/a.tif", local, "https://h/c/e/a.tif"},
		{web, "../../a.tif", local, "https://h/a.tif"},
		{web, "/e/a.tif", local, "https://h/e/a.tif"},
		{"", "a.tif", local, "/cat/a.tif"},
		{"", "../a.tif", local, "/a.tif"},
		{"", "a.tif", "items.parquet", "a.tif"},
		{"", "/data/a.tif", local, "/data/a.tif"},
		{"", "a.tif", "s3://bucket/cat/items.parquet", "s3://bucket/cat/a.tif"},
		{"./item.json", "a.tif", local, "/cat/a.tif"},
		{"/items/1/item.json", "a.tif", local, "/items/1/a.tif"},
		{"", "file:///x/a.tif", local, "file:///x/a.tif"},
		{web, "", local, ""},
		{web, "../../../../a.tif", local, "../../../../a.tif"}, {"", "../../a.tif", local, "../../a.tif"}, // beyond the root: fetch refuses them
	} {
		if got, err := resolve(c[0], c[1], c[2]); err != nil || got != c[3] {
			t.Errorf("self %q, href %q, base %q: %q, %v, want %q", c[0], c[1], c[2], got, err, c[3])
		}
	}
	for _, c := range [][3]string{
		{web, "file:///etc/passwd", "https://h/c.parquet"}, {"/etc/x", "passwd", "https://h/c.parquet"},
		{web, "https://user:pw@h/a.tif", local}, {web, "ftp://h/a.tif", local}, {web, "GTIFF_DIR:1:/a.tif", local},
	} {
		if got, err := resolve(c[0], c[1], c[2]); err == nil {
			t.Errorf("self %q, href %q, base %q was accepted: %q", c[0], c[1], c[2], got)
		}
	}
	for _, href := range []string{"a\x00b", "https://h/a\r\nHost: x", "/vsicurl/http://h/a.tif", "/VSIZIP/x.zip/a.tif",
		"../vsimem/a", strings.Repeat("x", 1<<20)} {
		_, err := resolve("", href, local)
		var e *core.Error
		if err == nil {
			t.Errorf("href %.30q was accepted", href)
		} else if e = err.(*core.Error); e.Class != core.SearchError || e.Reason != "ItemError" || e.ItemID != "x" || !strings.Contains(e.Message, `"a"`) {
			t.Errorf("href %.30q: %+v", href, e)
		}
	}
}

func TestErrorsNameItemAndField(t *testing.T) {
	assets := structOf("a", structOf("href", textType, "proj:transform", arrow.ListOf(realType)))
	columns := schemaOf("id", textType, "datetime", textType, "proj:shape", arrow.ListOf(realType), "assets", assets)
	good := `{"id":"good"},`
	for row, field := range map[string]string{
		`{"id":"bad","datetime":"yesterday"}`:                                                        "datetime",
		`{"id":"bad","proj:shape":[1,2,3]}`:                                                          "projection",
		`{"id":"bad","proj:shape":[-1,2]}`:                                                           "projection",
		`{"id":"bad","assets":{"a":{"href":"https://h/a","proj:transform":[1]}}}`:                    `asset "a"`,
		`{"id":"bad","assets":{"a":{"href":"https://h/a","proj:transform":[1,2,3,4,5,6,7,8,9,10]}}}`: `asset "a"`,
	} {
		_, err := ParseItems(rows(t, columns, "["+good+row+"]"), "")
		e, ok := err.(*core.Error)
		if !ok || e.Class != core.SearchError || e.Reason != "ItemError" || e.ItemID != "bad" || !strings.Contains(e.Message, field) {
			t.Errorf("%s: %v", row, err)
		}
	}
	if _, err := one(t, schemaOf("id", textType, "assets", textType), `{"id":"bad","assets":"{\"a\": 3}"}`); err == nil || err.(*core.Error).ItemID != "bad" {
		t.Errorf("assets that are no objects: %v", err)
	}
	for _, columns := range []*arrow.Schema{schemaOf("id", textType), schemaOf("assets", assets), schemaOf("id", integerType, "assets", assets), schemaOf("id", textType, "assets", integerType)} {
		_, err := ParseItems(rows(t, columns, "[{}]"), "")
		if e, ok := err.(*core.Error); !ok || e.Reason != "NotStac" {
			t.Errorf("%s: %v", columns, err)
		}
	}
}

// TestHrefsAfterOneOfTheirOrigin: what was checked of one URL is not checked of the next of the same origin, and no more.
func TestHrefsAfterOneOfTheirOrigin(t *testing.T) {
	columns := schemaOf("id", textType, "assets", structOf("a", structOf("href", textType)))
	for first, hrefs := range map[string][]string{
		"https://h/a.tif": {"https://h/b\r\nHost: x", "https://h/b\x00", "https://user:pw@h/b.tif", "https://h\n/b.tif", "https://h?@x/", "file:///etc/passwd"},
		"https://h?x=/":   {"https://h?x=/\n", "https://h:pw@x/"},
		"s3://b/a.tif":    {"s3://b@c/", "s3://b/\n"},
	} {
		for _, href := range hrefs {
			one, _ := json.Marshal(first)
			two, _ := json.Marshal(href)
			row := `[{"id":"x","assets":{"a":{"href":` + string(one) + `}}},{"id":"y","assets":{"a":{"href":` + string(two) + `}}}]`
			_, err := ParseItems(rows(t, columns, row), "https://h/c.parquet")
			want := core.CheckHref(href, "https://h/c.parquet")
			var e *core.Error
			if (err == nil) != (want == nil) || err != nil && (!errors.As(err, &e) || e.ItemID != "y") {
				t.Errorf("%q after %q: %v, by itself: %v", href, first, err, want)
			}
		}
	}
}

// TestDescriptionsAreShared: rasters that begin at one place and differ in shape are told apart, and still each
// described once.
func TestDescriptionsAreShared(t *testing.T) {
	asset := structOf("href", textType, "proj:shape", arrow.ListOf(integerType), "proj:transform", arrow.ListOf(realType))
	columns := schemaOf("id", textType, "proj:epsg", integerType, "assets", structOf("a", asset))
	var all []string
	for i := range 60 {
		all = append(all, fmt.Sprintf(`{"id":"x","proj:epsg":%d,"assets":{"a":{"href":"https://h/a","proj:shape":[100,%d],"proj:transform":[%d,0,5,0,-10,7]}}}`,
			32631+i%2, 100+i%3, 10+i%5))
	}
	items, err := ParseItems(rows(t, columns, "["+strings.Join(all, ",")+"]"), "")
	if err != nil {
		t.Fatal(err)
	}
	distinct := map[*core.AssetDescription]bool{}
	for i, item := range items {
		a := item.Assets[0]
		if a.Proj.CRS != fmt.Sprint("EPSG:", 32631+i%2) || a.Proj.Shape[1] != 100+i%3 || a.Proj.Transform.A != float64(10+i%5) {
			t.Fatalf("row %d: %+v", i, a.Proj)
		}
		distinct[a.AssetDescription] = true
	}
	if len(distinct) != 30 {
		t.Errorf("%d descriptions, want 30", len(distinct))
	}
}

// TestAssetsInJSONThatDifferInTheirHref: assets that were read before are told apart by their hrefs, whatever way these
// are written.
func TestAssetsInJSONThatDifferInTheirHref(t *testing.T) {
	columns := schemaOf("id", textType, "assets", textType)
	const rest = `,"type":"image/tiff","roles":["data"],"nodata":7}`
	for text, want := range map[string]string{
		`{"href":"https://h/a"` + rest:                                           "https://h/a",
		`{"href":"https://h/b"` + rest:                                           "https://h/b",
		`{"href":"https:\/\/h\/c"` + rest:                                        "https://h/c",
		`{"href":"https://h/a","HREF":"https://h/d"` + rest:                      "https://h/d",
		`{"href":"https://h/a","href":"https://h/e"` + rest:                      "https://h/e",
		`{"href":"https://h/a","h\u0072ef":"https://h/f"` + rest:                 "https://h/f",
		`{"href":null` + rest:                                                    "",
		`{"href":""` + rest:                                                      "",
		`{ "href": "https://h/g"` + rest:                                         "https://h/g",
		`{"type":"image/tiff","href":"https://h/h","nodata":7,"roles":["data"]}`: "https://h/h",
	} {
		first, _ := json.Marshal(`{"a":{"href":"https://h/x"` + rest + `}`)
		second, _ := json.Marshal(`{"a":` + text + `}`)
		items, err := ParseItems(rows(t, columns, fmt.Sprintf(`[{"id":"1","assets":%s},{"id":"2","assets":%s}]`, first, second)), "")
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		got := ""
		if a := items[1].Assets; len(a) > 0 {
			got = a[0].Href
			if a[0].MediaType != "image/tiff" || a[0].Roles[0] != "data" || a[0].Bands[0].NoData.Value != 7 || a[0].AssetDescription != items[0].Assets[0].AssetDescription {
				t.Errorf("%s: %+v", text, a[0])
			}
		}
		if got != want || items[0].Assets[0].Href != "https://h/x" {
			t.Errorf("%s: href %q", text, got)
		}
	}
}

func TestWantedAssets(t *testing.T) {
	asset := structOf("href", textType)
	for name, c := range map[string]struct {
		kind arrow.DataType
		row  string
	}{
		"struct": {structOf("a", asset, "b", asset, "c", asset), `{"a":{"href":"https://h/a"},"b":{"href":"https://h/b"},"c":{"href":"https://h/c"}}`},
		"map":    {arrow.MapOf(textType, asset), `[{"key":"a","value":{"href":"https://h/a"}},{"key":"b","value":{"href":"https://h/b"}},{"key":"c","value":{"href":"https://h/c"}}]`},
		"JSON":   {textType, `"{\"a\":{\"href\":\"https://h/a\"},\"b\":{\"href\":\"https://h/b\"},\"c\":{\"href\":\"https://h/c\"}}"`},
	} {
		items, err := ParseItemsWith(rows(t, schemaOf("id", textType, "assets", c.kind), `[{"id":"x","assets":`+c.row+`}]`), "", ParseItemsOptions{Assets: []string{"c", "none", "a"}})
		if err != nil || len(items[0].Assets) != 2 || items[0].Assets[0].Key != "c" || items[0].Assets[1].Key != "a" {
			t.Errorf("%s: %+v, %v", name, items, err)
		}
	}
}

// TestSlicesAndBatches reads many batches, some of them slices, in the order of the rows.
func TestSlicesAndBatches(t *testing.T) {
	columns := schemaOf("id", textType, "bbox", sidesType, "roles", arrow.ListOf(textType), "assets",
		structOf("a", structOf("href", textType, "roles", arrow.ListOf(textType), "raster:bands", rasterBands)))
	var all []string
	for i := range 1000 {
		all = append(all, fmt.Sprintf(`{"id":"i%d","bbox":{"xmin":%d,"ymin":0,"xmax":1,"ymax":1},"assets":{"a":{"href":"https://h/%d","roles":["r%d"],"raster:bands":[{"nodata":%d}]}}}`, i, i, i, i%3, i%5))
	}
	whole := rows(t, columns, "["+strings.Join(all, ",")+"]")[0]
	var parts []arrow.RecordBatch
	for i := int64(0); i < 1000; i += 7 {
		parts = append(parts, whole.NewSlice(i, min(i+7, 1000)))
	}
	items, err := ParseItems(parts, "")
	if err != nil || len(items) != 1000 {
		t.Fatal(len(items), err)
	}
	for i, item := range items {
		a := item.Assets[0]
		if item.ID != fmt.Sprintf("i%d", i) || item.BBox[0] != float64(i) || a.Href != fmt.Sprintf("https://h/%d", i) ||
			a.Roles[0] != fmt.Sprintf("r%d", i%3) || a.Bands[0].NoData.Value != float64(i%5) {
			t.Fatalf("item %d: %+v", i, item)
		}
	}
}

// sentinel makes n rows like those of Sentinel-2 catalogs, with five bands.
func sentinel(tb testing.TB, n int) []arrow.RecordBatch {
	asset := structOf("href", textType, "type", textType, "title", textType, "roles", arrow.ListOf(textType), "proj:shape", arrow.ListOf(integerType),
		"proj:transform", arrow.ListOf(realType), "raster:bands", rasterBands, "eo:bands", eoBands)
	columns := schemaOf("id", textType, "collection", textType, "datetime", microsType, "proj:epsg", integerType, "bbox", sidesType, "links",
		arrow.ListOf(structOf("rel", textType, "href", textType)), "assets", structOf("B02", asset, "B03", asset, "B04", asset, "B08", asset, "SCL", asset))
	var all []string
	for i := range n {
		var assets []string
		for _, key := range []string{"B02", "B03", "B04", "B08", "SCL"} {
			assets = append(assets, fmt.Sprintf(`"%s":{"href":"https://example.com/cogs/31/T/CJ/2025/6/S2A_31TCJ_2025%04d_0_L2A/%s.tif","type":"image/tiff; application=geotiff; profile=cloud-optimized","title":"Band","roles":["data","reflectance"],"proj:shape":[10980,10980],"proj:transform":[10,0,%d,0,-10,4900000],"raster:bands":%s,"eo:bands":%s}`, key, i, key, i, rasterJSON, eoJSON))
		}
		all = append(all, fmt.Sprintf(`{"id":"S2A_31TCJ_2025%04d_0_L2A","collection":"sentinel-2-l2a","datetime":"2025-06-01T10:50:%02dZ","proj:epsg":32631,"bbox":{"xmin":1,"ymin":2,"xmax":3,"ymax":4},"links":[{"rel":"self","href":"https://h/%d"}],"assets":{%s}}`, i, i%60, i, strings.Join(assets, ",")))
	}
	return rows(tb, columns, "["+strings.Join(all, ",")+"]")
}

func BenchmarkParseItems(b *testing.B) {
	recs := sentinel(b, 2048)
	b.ReportAllocs()
	for b.Loop() {
		items, err := ParseItemsWith(recs, "", ParseItemsOptions{Assets: []string{"B02", "B03", "B04"}})
		if err != nil || len(items) != 2048 {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)*2048/b.Elapsed().Seconds(), "items/s")
}

// TestParseItemsAllocates keeps the cost of an item in check: its id, and pieces shared by many items.
func TestParseItemsAllocates(t *testing.T) {
	recs := sentinel(t, 2048)
	perItem := testing.AllocsPerRun(5, func() {
		if _, err := ParseItemsWith(recs, "", ParseItemsOptions{Assets: []string{"B02", "B03", "B04"}}); err != nil {
			t.Fatal(err)
		}
	}) / 2048
	if perItem > 3 {
		t.Errorf("%.1f allocations an item, want at most 3", perItem)
	}
}

// overwrite spoils the memory of an array, as whoever gets it next does.
func overwrite(data arrow.ArrayData) {
	for _, b := range data.Buffers() {
		if b != nil {
			for i := range b.Bytes() {
				b.Bytes()[i] = 0xA5
			}
		}
	}
	for _, child := range data.Children() {
		overwrite(child)
	}
	if d, ok := data.Dictionary().(*array.Data); ok && d != nil {
		overwrite(d)
	}
}

// TestItemsOutliveTheirBatches: a plan keeps items when the rows are let go of.
func TestItemsOutliveTheirBatches(t *testing.T) {
	band := structOf("name", textType, "common_name", textType, "data_type", textType, "nodata", realType)
	asset := structOf("href", textType, "type", textType, "title", textType, "roles", arrow.ListOf(textType), "bands", arrow.ListOf(band),
		"raster:bands", arrow.ListOf(band), "eo:bands", arrow.ListOf(band), "data_type", textType, "proj:projjson", textType)
	row := `"collection":"c","datetime":"2024-06-01T00:00:00Z","proj:code":"EPSG:32633","storage:region":"eu-central-1","bbox":{"xmin":1,"ymin":2,"xmax":3,"ymax":4},"links":[{"rel":"self","href":"https://h/x.json"}]`
	bands := `[{"name":"B1","common_name":"red","data_type":"uint16","nodata":0},{"name":"B2","data_type":"float32"}]`
	described := `{"href":"a/b.tif","type":"image/tiff","title":"t","roles":["data","x"],"bands":` + bands + `,"raster:bands":` + bands + `,"eo:bands":` + bands +
		`,"data_type":"int16","proj:projjson":"{\"id\": {\"code\": 4326}}"}`
	common := []any{"id", textType, "collection", textType, "datetime", textType, "proj:code", textType, "storage:region", textType,
		"bbox", sidesType, "links", arrow.ListOf(structOf("rel", textType, "href", textType))}
	for name, c := range map[string]struct {
		kind  arrow.DataType
		value string
	}{
		"struct": {structOf("a", asset), `{"a":` + described + `}`},
		"map":    {arrow.MapOf(textType, asset), `[{"key":"a","value":` + described + `}]`},
		"JSON":   {textType, strconv.Quote(`{"a":` + described + `}`)},
	} {
		parse := func() ([]core.Item, []arrow.RecordBatch) {
			recs := rows(t, schemaOf(append(common, "assets", c.kind)...), `[{"id":"x","assets":`+c.value+`,`+row+`},{"id":"b.tif","assets":`+c.value+`,`+row+`}]`)
			items, err := ParseItems(recs, "")
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			return items, recs
		}
		want, kept := parse()
		got, spoilt := parse()
		if len(got[0].Assets) != 1 || len(got[0].Assets[0].Bands) != 2 || got[0].Assets[0].Bands[0].DType != core.UInt16 {
			t.Fatalf("%s: %+v", name, got[0])
		}
		for _, column := range spoilt[0].Columns() {
			overwrite(column.Data())
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v with its rows, %+v without", name, want, got)
		}
		runtime.KeepAlive(kept)
	}
}

// Where the bucket stands in the template of a "custom-s3" platform tells how its URLs are made.
func TestPlatformsOfStorageSchemes(t *testing.T) {
	for platform, want := range map[string]core.Storage{
		"https://eodata.dataspace.example":     {Endpoint: "https://eodata.dataspace.example"},
		"https://{bucket}.{region}.example":    {Endpoint: "https://b.r.example", Region: "r", BucketInHost: true},
		"https://s3.{region}.example/{bucket}": {Endpoint: "https://s3.r.example", Region: "r"},
	} {
		scheme := map[string]string{"type": "custom-s3", "platform": platform, "bucket": "b", "region": want.Region}
		text, err := json.Marshal(map[string]any{"theirs": scheme})
		if err != nil {
			t.Fatal(err)
		}
		if got := schemesIn(text)["theirs"]; got != want {
			t.Errorf("%s: %+v", platform, got)
		}
	}
}
