package combine

import (
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
			got := unpack(dst, out)
			for i := range cells {
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

func BenchmarkAdd(b *testing.B) {
	const n = 4096
	values, valid := make([]byte, n*2), make([]byte, n)
	for i := range valid {
		valid[i] = byte(i % 3)
	}
	for _, name := range []string{"first", "highest", "mean", "stdev"} {
		b.Run(name, func(b *testing.B) {
			m := core.Method{Name: name}
			acc := New(m, n, m.OutputType(core.UInt16), 0)
			for b.Loop() {
				acc.Add(values, core.UInt16, valid)
			}
			b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds()/1e6, "MPix/s")
		})
	}
}
