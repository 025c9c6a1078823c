package combine

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"cogweave/core"
)

// pack writes values as pixels of a type.
func pack(d core.DType, values []float64) []byte {
	var out []byte
	for _, v := range values {
		out = append(out, d.Bytes(v)...)
	}
	return out
}

func unpack(d core.DType, data []byte) []float64 {
	out := make([]float64, len(data)/d.Size())
	e := binary.NativeEndian
	for i := range out {
		p := data[i*d.Size():]
		switch d {
		case core.UInt8:
			out[i] = float64(p[0])
		case core.Int8:
			out[i] = float64(int8(p[0]))
		case core.UInt16:
			out[i] = float64(e.Uint16(p))
		case core.Int16:
			out[i] = float64(int16(e.Uint16(p)))
		case core.UInt32:
			out[i] = float64(e.Uint32(p))
		case core.Int32:
			out[i] = float64(int32(e.Uint32(p)))
		case core.UInt64:
			out[i] = float64(e.Uint64(p))
		case core.Int64:
			out[i] = float64(int64(e.Uint64(p)))
		case core.Float32:
			out[i] = float64(math.Float32frombits(e.Uint32(p)))
		case core.Float64:
			out[i] = math.Float64frombits(e.Uint64(p))
		}
	}
	return out
}

// want is the method applied to the valid values of one cell, in item order.
func want(m core.Method, values []float64, fill float64) float64 {
	if m.Name == "count" {
		return float64(len(values))
	}
	if len(values) == 0 {
		return fill
	}
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	n := float64(len(values))
	switch m.Name {
	case "first":
		return values[0]
	case "last":
		return values[len(values)-1]
	case "highest":
		return slices.Max(values)
	case "lowest":
		return slices.Min(values)
	case "sum":
		return sum
	case "mean":
		return sum / n
	case "stdev":
		squares := 0.0
		for _, v := range values {
			squares += (v - sum/n) * (v - sum/n)
		}
		return math.Sqrt(squares / n)
	}
	q := 0.5
	if m.Name == "percentile" {
		q = m.Param / 100
	}
	sorted := slices.Sorted(slices.Values(values))
	at := q * (n - 1)
	k := int(at)
	if k+1 == len(sorted) {
		return sorted[k]
	}
	return sorted[k] + (sorted[k+1]-sorted[k])*(at-float64(k))
}

func TestMethodsOnEveryType(t *testing.T) {
	const rows, cols, items = 7, 9, 6
	const n = rows * cols
	for _, name := range []string{"first", "last", "highest", "lowest", "mean", "median", "stdev", "sum", "count", "percentile(90)"} {
		m, err := core.ParseMethod(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, src := range core.DTypes() {
			rng := rand.New(rand.NewPCG(1, uint64(src.Index())))
			dst := m.OutputType(src)
			fill := 99.0
			acc := New(m, n, dst, fill)
			cells := make([][]float64, n)
			for range items {
				values, valid := make([]float64, n), make([]byte, n)
				for i := range values {
					values[i] = float64(rng.IntN(100))
					if src.IsSigned() {
						values[i] -= 50
					}
					if rng.IntN(3) == 0 && i > 0 { // the first cell is never valid
						valid[i] = 1
						cells[i] = append(cells[i], values[i])
					}
				}
				acc.Add(pack(src, values), src, valid)
			}
			const stride = cols + 2
			out := make([]byte, rows*stride*dst.Size())
			acc.Finish(out, stride, rows, cols)
			got, valid := unpack(dst, out), bytes.Repeat([]byte{0xee}, n)
			acc.Valid(valid)
			for i := range cells {
				if has := len(cells[i]) > 0 || name == "count"; (valid[i] != 0) != has {
					t.Fatalf("%s of %s: cell %d of %v is told valid: %v", name, src, i, cells[i], valid[i])
				}
				w := want(m, cells[i], fill)
				if g := got[i/cols*stride+i%cols]; math.Abs(g-w) > 1e-5*max(1, math.Abs(w)) {
					t.Fatalf("%s of %s: cell %d is %v, want %v of %v", name, src, i, g, w, cells[i])
				}
			}
		}
	}
}

func TestLargeIntegersKeepEveryBit(t *testing.T) {
	const big = math.MaxInt64 - 1 // not a float64
	values := binary.NativeEndian.AppendUint64(nil, big)
	for _, name := range []string{"first", "last", "highest", "lowest", "sum"} {
		acc := New(core.Method{Name: name}, 1, core.Int64, 0)
		acc.Add(values, core.Int64, []byte{1})
		out := make([]byte, 8)
		acc.Finish(out, 1, 1, 1)
		if got := binary.NativeEndian.Uint64(out); got != big {
			t.Errorf("%s gives %d, want %d", name, got, uint64(big))
		}
	}
}

func TestFullStopsFirstAlone(t *testing.T) {
	for _, c := range []struct {
		name string
		full bool
	}{{"first", true}, {"mean", false}, {"median", false}, {"count", false}} {
		acc := New(core.Method{Name: c.name}, 2, core.Float32, 0)
		acc.Add(pack(core.UInt8, []float64{1, 2}), core.UInt8, []byte{1, 0})
		if acc.Full() {
			t.Errorf("%s is full with an empty cell", c.name)
		}
		acc.Add(pack(core.UInt8, []float64{1, 2}), core.UInt8, []byte{0, 1})
		if acc.Full() != c.full {
			t.Errorf("%s: full is %v", c.name, acc.Full())
		}
	}
}

var methods = []string{"first", "last", "highest", "lowest", "mean", "median", "stdev", "sum", "count", "percentile(33.3)"}

func parse(t testing.TB, name string) core.Method {
	t.Helper()
	m, err := core.ParseMethod(name)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// item is random pixels of which a part is valid.
func item(rng *rand.Rand, d core.DType, n int) (values, valid []byte) {
	v, valid := make([]float64, n), make([]byte, n)
	for i := range v {
		v[i] = float64(rng.IntN(120))
		valid[i] = byte(rng.IntN(3))
	}
	return pack(d, v), valid
}

// However a block is cut into smaller ones, each cell has the same bits.
func TestResultsAreTheSameForEveryCut(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for _, name := range methods {
		m := parse(t, name)
		for _, src := range core.DTypes() {
			const n, items = 500, 11
			dst := m.OutputType(src)
			var values, valid [items][]byte
			whole := New(m, n, dst, 7)
			for i := range items {
				values[i], valid[i] = item(rng, src, n)
				whole.Add(values[i], src, valid[i])
			}
			want, got := make([]byte, n*dst.Size()), make([]byte, n*dst.Size())
			whole.Finish(want, n, 1, n)
			for from := 0; from < n; {
				to := min(n, from+1+rng.IntN(90))
				part := New(m, to-from, dst, 7)
				for i := range items {
					part.Add(values[i][from*src.Size():to*src.Size()], src, valid[i][from:to])
				}
				part.Finish(got[from*dst.Size():], to-from, 1, to-from)
				part.Release()
				from = to
			}
			if !slices.Equal(got, want) {
				t.Fatalf("%s of %s depends on the cut", name, src)
			}
			whole.Release()
		}
	}
}

// Items of one band may differ in type: a median finds one that holds them all.
func TestMedianOfSeveralTypes(t *testing.T) {
	for _, types := range [][]core.DType{{core.UInt8, core.Int16, core.Float32}, {core.Float64, core.UInt8}, {core.Int64, core.UInt64, core.UInt8},
		{core.UInt16, core.Int8, core.UInt16}} {
		acc := New(core.Method{Name: "median"}, 2, core.Float32, 0)
		for i, d := range types {
			acc.Add(pack(d, []float64{float64(10 + i), 127}), d, []byte{1, byte(i) & 1})
		}
		out := make([]byte, 8)
		acc.Finish(out, 2, 1, 2)
		want := []float64{10 + float64(len(types)-1)/2, 127}
		if got := unpack(core.Float32, out); !slices.Equal(got, want) {
			t.Errorf("%v: %v, want %v", types, got, want)
		}
	}
}

// Sorting many items is the same as sorting few.
func TestQuantilesOfManyItems(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for _, items := range []int{1, 2, 3, 20, 64, 65, 200, 1000} {
		for _, d := range []core.DType{core.UInt8, core.Int16, core.Float32} {
			const n = 70
			acc, cells := New(core.Method{Name: "percentile", Param: 90}, n, core.Float64, -1), make([][]float64, n)
			for range items {
				values, valid := item(rng, d, n)
				acc.Add(values, d, valid)
				for i, v := range unpack(d, values) {
					if valid[i] != 0 {
						cells[i] = append(cells[i], v)
					}
				}
			}
			out := make([]byte, n*8)
			acc.Finish(out, n, 1, n)
			for i, got := range unpack(core.Float64, out) {
				if w := want(core.Method{Name: "percentile", Param: 90}, cells[i], -1); math.Abs(got-w) > 1e-9 {
					t.Fatalf("%d items of %s: %v, want %v", items, d, got, w)
				}
			}
		}
	}
}

// A NaN that is valid (its source has another nodata) neither hides other values nor is lost.
func TestValidNaN(t *testing.T) {
	nan := math.NaN()
	for name, want := range map[string]float64{"first": nan, "last": 2, "highest": 2, "lowest": 1, "sum": nan, "median": 2} {
		acc := New(parse(t, name), 1, core.Float64, 0)
		for _, v := range []float64{nan, 1, 2} {
			acc.Add(pack(core.Float64, []float64{v}), core.Float64, []byte{1})
		}
		out := make([]byte, 8)
		acc.Finish(out, 1, 1, 1)
		if got := unpack(core.Float64, out)[0]; got != want && !(math.IsNaN(got) && math.IsNaN(want)) {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
}

func TestFloatResultsInIntegersAreNearest(t *testing.T) {
	for _, d := range []core.DType{core.UInt8, core.Int8, core.UInt16, core.Int64, core.UInt64} {
		acc := New(core.Method{Name: "mean"}, 3, d, 0)
		acc.Add(pack(core.Float64, []float64{1.75, 1e300, -1e300}), core.Float64, []byte{1, 1, 1})
		out := make([]byte, 3*d.Size())
		acc.Finish(out, 3, 1, 3)
		low, high := d.Range()
		if got := unpack(d, out); got[0] != 2 || math.Abs(got[1]-high) > 1 || got[2] != low {
			t.Errorf("%s: %v", d, got)
		}
	}
}

func TestReusedMemoryIsClean(t *testing.T) {
	for _, name := range methods {
		m := parse(t, name)
		acc := New(m, 3, m.OutputType(core.UInt8), 5)
		acc.Add([]byte{1, 2, 3}, core.UInt8, []byte{1, 1, 1})
		acc.Reset(9)
		out := make([]byte, 3*m.OutputType(core.UInt8).Size())
		acc.Finish(out, 3, 1, 3)
		wanted := 9.0
		if name == "count" {
			wanted = 0
		}
		for _, v := range unpack(m.OutputType(core.UInt8), out) {
			if v != wanted {
				t.Errorf("%s after Reset gives %v", name, v)
			}
		}
		acc.Release()
	}
}

func TestAddDoesNotAllocate(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	values, valid := item(rng, core.UInt16, 4096)
	for _, name := range methods {
		m := parse(t, name)
		acc := New(m, 4096, m.OutputType(core.UInt16), 0)
		out := make([]byte, 4096*8)
		allocs := testing.AllocsPerRun(50, func() {
			acc.Reset(0)
			for range 8 {
				acc.Add(values, core.UInt16, valid)
			}
			acc.Finish(out, 64, 64, 64)
		})
		if allocs > 1 { // a median pins its planes
			t.Errorf("%s allocates %v times for eight items", name, allocs)
		}
	}
}

// BenchmarkMethods combines 20 items of 512 x 512 cells in blocks of 64 x 64; the rate is the items' pixels in a
// second of one processor.
func BenchmarkMethods(b *testing.B) {
	const n, items, blocks = 4096, 20, 64
	rng := rand.New(rand.NewPCG(1, 2))
	for _, src := range []core.DType{core.UInt16, core.Float32} {
		var values, valid [items][]byte
		for i := range items {
			values[i], valid[i] = item(rng, src, n)
		}
		for _, name := range methods {
			b.Run(name+"/"+string(src), func(b *testing.B) {
				m := parse(b, name)
				dst := m.OutputType(src)
				out := make([]byte, n*dst.Size())
				b.ReportAllocs()
				started := cpu()
				for b.Loop() {
					for range blocks {
						acc := New(m, n, dst, 0)
						for i := range items {
							acc.Add(values[i], src, valid[i])
						}
						acc.Finish(out, 64, 64, 64)
						acc.Release()
					}
				}
				b.ReportMetric(float64(n*items*blocks)*float64(b.N)/(cpu()-started).Seconds()/1e6, "MPix/s")
			})
		}
	}
}
