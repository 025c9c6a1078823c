package table

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strconv"

	"cogweave/core"

	"github.com/apache/arrow-go/v18/arrow"
)

// rawProj is the projection extension as an item or an asset states it.
type rawProj struct {
	crs          string
	shape        [2]int
	hasShape     bool
	transform    core.Affine
	hasTransform bool
}

// maxCRSText bounds a CRS written out as WKT or PROJJSON, in bytes.
const maxCRSText = 64 << 10

// fill takes from o what p does not state. What belongs together is not mixed: another CRS brings its
// own shape and transform, and a shape of one raster does not go with the transform of another.
func (p *rawProj) fill(o *rawProj) {
	if p.crs == "" {
		p.crs = o.crs
	} else if o.crs != "" && p.crs != o.crs {
		return
	}
	if !p.hasShape && !p.hasTransform {
		p.shape, p.hasShape = o.shape, o.hasShape
		p.transform, p.hasTransform = o.transform, o.hasTransform
	}
}

func (p *rawProj) proj() core.Proj {
	return core.Proj{CRS: p.crs, Shape: p.shape, Transform: p.transform, HasTransform: p.hasTransform}
}

func (p *rawProj) setShape(rows, cols float64) error {
	const most = 1 << 31
	if !(rows >= 1 && cols >= 1 && rows < most && cols < most) {
		return fmt.Errorf("proj:shape [%v, %v] is no shape", rows, cols)
	}
	p.shape, p.hasShape = [2]int{int(rows), int(cols)}, true
	return nil
}

// setTransform takes six or nine numbers, row by row; one that cannot be used is left to the file's
// own header.
func (p *rawProj) setTransform(v []float64) error {
	if len(v) != 6 && len(v) != 9 {
		return fmt.Errorf("proj:transform has %d numbers, not 6 or 9", len(v))
	}
	t := core.Affine{A: v[0], B: v[1], C: v[2], D: v[3], E: v[4], F: v[5]}
	if t.Valid() {
		p.transform, p.hasTransform = t, true
	}
	return nil
}

func epsg(code float64) string {
	if code < 1 || code > math.MaxInt32 || code != math.Trunc(code) {
		return ""
	}
	return "EPSG:" + strconv.Itoa(int(code))
}

// projReader reads the columns of the projection extension, in its order of precedence: proj:code,
// proj:epsg, proj:wkt2, proj:projjson.
type projReader struct {
	code, wkt2 textReader
	epsg       func(i int) (float64, bool)
	projjson   arrow.Array
	shape      numbersReader
	transform  numbersReader
	intern     *interner
	lastEPSG   float64
	lastCode   string
}

func newProjReader(property func(name string) arrow.Array, intern *interner) projReader {
	return projReader{
		code: newTextReader(property("proj:code"), intern), wkt2: newTextReader(property("proj:wkt2"), intern),
		epsg: numberAt(property("proj:epsg")), projjson: property("proj:projjson"),
		shape: newNumbersReader(property("proj:shape")), transform: newNumbersReader(property("proj:transform")),
		intern: intern,
	}
}

func (r *projReader) read(row int, p *rawProj) error {
	var err error
	if p.crs, err = r.crs(row); err != nil {
		return err
	}
	var v [9]float64
	n, err := r.shape.read(row, v[:])
	if err == nil && n == 2 {
		err = p.setShape(v[0], v[1])
	} else if err == nil && n != 0 {
		err = fmt.Errorf("proj:shape has %d numbers, not 2", n)
	}
	if err != nil {
		return err
	}
	n, err = r.transform.read(row, v[:])
	if err != nil || n == 0 {
		return err
	}
	if n > len(v) {
		return fmt.Errorf("proj:transform has %d numbers, not 6 or 9", n)
	}
	return p.setTransform(v[:n])
}

func (r *projReader) crs(row int) (string, error) {
	if code, ok := r.code.get(row); ok && code != "" {
		return code, nil
	}
	if r.epsg != nil {
		if code, ok := r.epsg(row); ok {
			if code != r.lastEPSG {
				r.lastEPSG, r.lastCode = code, r.intern.keep(epsg(code))
			}
			if r.lastCode != "" {
				return r.lastCode, nil
			}
		}
	}
	if text, ok := r.wkt2.get(row); ok && text != "" {
		return checkCRS(text)
	}
	return r.fromPROJJSON(row)
}

func checkCRS(text string) (string, error) {
	if len(text) > maxCRSText {
		return "", fmt.Errorf("its CRS is a text of %d bytes", len(text))
	}
	return text, nil
}

// fromPROJJSON reads PROJJSON that is text or a struct. Fields that only other rows have are null in a
// struct, and are left out.
func (r *projReader) fromPROJJSON(row int) (string, error) {
	if r.projjson == nil || r.projjson.IsNull(row) {
		return "", nil
	}
	if text := newTextReader(r.projjson, nil); text.array != nil {
		value, _ := text.peek(row)
		if value == "" || value == "null" {
			return "", nil
		}
		value, err := checkCRS(value)
		return r.intern.keep(value), err
	}
	text, err := json.Marshal(r.projjson.GetOneForMarshal(row))
	if err != nil {
		return "", fmt.Errorf("its proj:projjson cannot be read: %w", err)
	}
	var value any
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	if err := decoder.Decode(&value); err != nil {
		return "", fmt.Errorf("its proj:projjson cannot be read: %w", err)
	}
	if value = withoutNulls(value); value == nil {
		return "", nil
	}
	if text, err = json.Marshal(value); err != nil {
		return "", fmt.Errorf("its proj:projjson cannot be read: %w", err)
	}
	crs, err := checkCRS(string(text))
	return r.intern.keep(crs), err
}

// withoutNulls removes null members; an object that had nothing else is null itself.
func withoutNulls(value any) any {
	switch v := value.(type) {
	case map[string]any:
		for key, member := range v {
			if member = withoutNulls(member); member == nil {
				delete(v, key)
			} else {
				v[key] = member
			}
		}
		if len(v) == 0 {
			return nil
		}
	case []any:
		for i := range v {
			v[i] = withoutNulls(v[i])
		}
	}
	return value
}
