package warp

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"unsafe"

	"cogweave/core"

	"github.com/airbusgeo/godal"
)

func TestMain(m *testing.M) {
	godal.RegisterInternalDrivers()
	os.Exit(m.Run())
}

var gdalTypes = map[core.DType]godal.DataType{core.UInt8: godal.Byte, core.UInt16: godal.UInt16, core.Int16: godal.Int16,
	core.UInt32: godal.UInt32, core.Int32: godal.Int32, core.Float32: godal.Float32, core.Float64: godal.Float64}

// geometry is a target for a source of 10 m pixels at (500000, 5000000) in UTM zone 32.
type geometry struct {
	name       string
	zone       int
	x, y, size float64 // top-left corner and pixel size, metres
	cols, rows int
	scale      float64
}

var geometries = []geometry{
	{"shifted", 32, 499863.7, 5000077.3, 10, 230, 220, 1},
	{"finer", 32, 500203.3, 4999877.3, 4, 250, 250, 1},
	{"half", 32, 499960, 5000040, 20, 100, 100, 0.5},
	{"third", 32, 499957, 5000047, 30, 70, 70, 1.0 / 3},
	{"next zone", 33, 0, 0, 10, 200, 200, 1},
	{"next zone, half", 33, 0, 0, 20, 100, 100, 0.5},
}

const gdalSide = 200

// warpWithGDAL gives GDAL's pixels and their validity, with exact transforms and a fixed kernel scale.
func warpWithGDAL(t *testing.T, v *View, g geometry, k Kernel) (out, valid []byte) {
	t.Helper()
	ds, err := godal.Create(godal.Memory, "", 1, gdalTypes[v.Type], gdalSide, gdalSide)
	must(t, err)
	defer ds.Close()
	must(t, ds.SetGeoTransform([6]float64{500000, 10, 0, 5000000, 0, -10}))
	must(t, ds.SetProjection(projection(t, 32)))
	band := ds.Bands()[0]
	if v.NoData.Set {
		must(t, band.SetNoData(v.NoData.Value))
	}
	must(t, band.Write(0, 0, typed(v.Pix, v.Type), gdalSide, gdalSide, godal.LineStride(v.Stride)))
	f := func(x float64) string { return strconv.FormatFloat(x, 'f', -1, 64) }
	warped, err := ds.Warp("", []string{"-of", "MEM", "-t_srs", projection(t, g.zone), "-r", gdalNames[k], "-et", "0", "-dstalpha",
		"-te", f(g.x), f(g.y - g.size*float64(g.rows)), f(g.x + g.size*float64(g.cols)), f(g.y), "-ts", strconv.Itoa(g.cols), strconv.Itoa(g.rows),
		"-wo", "XSCALE=" + f(g.scale), "-wo", "YSCALE=" + f(g.scale)})
	must(t, err)
	defer warped.Close()
	n := g.cols * g.rows
	out, alpha := make([]byte, n*v.Type.Size()), make([]float64, n)
	must(t, warped.Bands()[0].Read(0, 0, typed(out, v.Type), g.cols, g.rows))
	must(t, warped.Bands()[1].Read(0, 0, alpha, g.cols, g.rows))
	for _, a := range alpha {
		valid = append(valid, byte(min(a, 1)))
	}
	return out, valid
}

var gdalNames = [...]string{"near", "bilinear", "cubic", "cubicspline", "lanczos", "average", "rms", "mode", "min", "max", "med", "q1", "q3", "sum"}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func projection(t *testing.T, zone int) string {
	ref, err := godal.NewSpatialRefFromEPSG(32600 + zone)
	must(t, err)
	defer ref.Close()
	wkt, err := ref.WKT()
	must(t, err)
	return wkt
}

// typed is a buffer as the slice that godal wants.
func typed(pix []byte, t core.DType) any {
	p, n := unsafe.Pointer(&pix[0]), len(pix)/t.Size()
	switch t {
	case core.UInt8:
		return unsafe.Slice((*uint8)(p), n)
	case core.UInt16:
		return unsafe.Slice((*uint16)(p), n)
	case core.Int16:
		return unsafe.Slice((*int16)(p), n)
	case core.UInt32:
		return unsafe.Slice((*uint32)(p), n)
	case core.Int32:
		return unsafe.Slice((*int32)(p), n)
	case core.Float32:
		return unsafe.Slice((*float32)(p), n)
	}
	return unsafe.Slice((*float64)(p), n)
}

// exact gives the level coordinates of each point (col + offset, row + offset) of a target, by PROJ.
func exact(t *testing.T, g geometry, cols, rows int, offset float64) (xs, ys []float64) {
	for i := range cols * rows {
		xs = append(xs, g.x+g.size*(float64(i%cols)+offset))
		ys = append(ys, g.y-g.size*(float64(i/cols)+offset))
	}
	if g.zone != 32 {
		from, err := godal.NewSpatialRefFromEPSG(32600 + g.zone)
		must(t, err)
		defer from.Close()
		to, err := godal.NewSpatialRefFromEPSG(32632)
		must(t, err)
		defer to.Close()
		tr, err := godal.NewTransform(from, to)
		must(t, err)
		defer tr.Close()
		must(t, tr.TransformEx(xs, ys, make([]float64, len(xs)), nil))
	}
	for i := range xs {
		xs[i], ys[i] = (xs[i]-500000)/10, (5000000-ys[i])/10
	}
	return xs, ys
}

// TestParityWithGDAL compares every kernel with the linked GDAL (3.6), pixel by pixel.
func TestParityWithGDAL(t *testing.T) {
	from, err := godal.NewSpatialRefFromEPSG(32632)
	must(t, err)
	defer from.Close()
	to, err := godal.NewSpatialRefFromEPSG(32633)
	must(t, err)
	defer to.Close()
	tr, err := godal.NewTransform(from, to)
	must(t, err)
	defer tr.Close()
	x, y := []float64{500000}, []float64{5000000}
	must(t, tr.TransformEx(x, y, []float64{0}, nil))
	rng := rand.New(rand.NewPCG(31, 32))
	for _, g := range geometries {
		if g.zone == 33 {
			g.x, g.y = math.Floor(x[0])+103.3, math.Floor(y[0])+51.7
		}
		for k := range Kernel(len(core.Kernels())) {
			for dtype := range gdalTypes {
				// GDAL 3.6 shrinks with other Lanczos weights than 3.10, and counts source pixels that only touch a
				// target pixel into its sum: there the reference in this package is the judge.
				if k == Lanczos && g.scale < 1 || k == Sum && g.name == "half" {
					continue
				}
				t.Run(fmt.Sprintf("%s/%v/%s", g.name, k, dtype), func(t *testing.T) {
					v := scene(rng, dtype, gdalSide, gdalSide, false, rng.IntN(2) == 0)
					compare(t, v, g, k)
				})
			}
		}
	}
}

func compare(t *testing.T, v *View, g geometry, k Kernel) {
	want, wantValid := warpWithGDAL(t, v, g, k)
	var out, valid []byte
	skip := make([]bool, len(wantValid))
	if k.IsArea() {
		xs, ys := exact(t, g, g.cols+1, g.rows+1, 0)
		out, valid = sampleArea(k, v, g.cols, g.rows, xs, ys)
		// GDAL 3.6 leaves out target pixels at the raster's edge that 3.10, which we follow, computes.
		for i := range skip {
			a := i/g.cols*(g.cols+1) + i%g.cols
			b := a + g.cols + 2
			skip[i] = min(xs[a], xs[b], ys[a], ys[b]) < 0 || max(xs[a], xs[b], ys[a], ys[b]) > gdalSide
		}
	} else {
		xs, ys := exact(t, g, g.cols, g.rows, 0.5)
		out, valid = sample(k, v, [2]float64{g.scale, g.scale}, xs, ys)
	}
	validity, same, near, both, all := 0, 0, 0, 0, 0
	for i := range valid {
		if skip[i] {
			continue
		}
		all++
		if valid[i] == wantValid[i] {
			validity++
		}
		if valid[i]&wantValid[i] == 0 {
			continue
		}
		both++
		d := math.Abs(pixel(out, v.Type, i) - pixel(want, v.Type, i))
		allowed := 1.0
		if v.Type.IsFloat() {
			allowed = 0.05 // the taps' range is about 1000
		}
		if d == 0 || v.Type.IsFloat() && d < 1e-3 {
			same++
		}
		if d <= allowed {
			near++
		}
	}
	if both == 0 {
		t.Fatal("nothing to compare")
	}
	share := func(n, of int) float64 { return float64(n) / float64(of) }
	if s := share(validity, all); s < 0.999 {
		t.Errorf("validity agrees in %.5f", s)
	}
	least := 0.999
	switch {
	case k >= Bilinear && k <= Lanczos:
		least = 0.95 // 8 and 16 bits are weighed in float
	case k == Average || k == Sum:
		least = 0.99 // 3.6 sums in another order, and the last bit of a coordinate decides at a half
	}
	if s, n := share(same, both), share(near, both); s < least || n < 0.9999 {
		t.Errorf("%.5f equal, %.5f within one unit", s, n)
	}
}
