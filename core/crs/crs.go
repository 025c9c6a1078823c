// Package crs gives coordinate reference systems and transforms between them, by PROJ: through GDAL, or without its
// database where a formula is known.
package crs

import (
	"context"
	"errors"
	"math"
	"strconv"
	"sync"

	"cogweave/core"

	"github.com/airbusgeo/godal"
	"golang.org/x/sync/semaphore"
)

// system is a CRS that PROJ understood.
type system struct {
	wkt        string // WKT2, the identity of systems without a code; "" where a formula is known for the code
	code       string // "EPSG:n", or ""
	geographic bool
}

func (s *system) key() string {
	if s.code != "" {
		return s.code
	}
	return s.wkt
}

var systems sync.Map // definition -> *system

// parse reads a CRS definition: a code, WKT or PROJJSON.
func parse(definition string) (s *system, err error) {
	if s, ok := systems.Load(definition); ok {
		return s.(*system), nil
	}
	if stepTo(definition) != "" {
		return &system{code: definition, geographic: definition == "EPSG:4326"}, nil
	}
	if len(definition) > 64<<10 {
		return nil, core.Errorf(core.InvalidArgument, "CRS", "crs: definition of %d bytes is too long", len(definition))
	}
	withDatabase(func() { s, err = read(definition) })
	return s, err
}

func read(definition string) (*system, error) {
	ref, err := newRef(definition)
	if err != nil {
		return nil, err
	}
	defer ref.Close()
	s := &system{geographic: ref.Geographic()}
	if s.wkt, err = ref.WKT(); err != nil {
		return nil, core.Errorf(core.InvalidArgument, "CRS", "crs %q has no WKT form: %w", short(definition), err)
	}
	if code := ref.AuthorityCode(""); code != "" && ref.AuthorityName("") == "EPSG" {
		s.code = "EPSG:" + code
	}
	systems.Store(definition, s)
	return s, nil
}

func newRef(definition string) (*godal.SpatialRef, error) {
	ref, err := godal.NewSpatialRef(definition, godal.ErrLogger(godal.ErrorHandler(ignoreWarnings)))
	if err != nil {
		return nil, core.Errorf(core.InvalidArgument, "CRS", "crs %q is not known to PROJ", short(definition))
	}
	return ref, nil
}

func ignoreWarnings(category godal.ErrorCategory, _ int, message string) error {
	if category >= godal.CE_Failure {
		return errors.New(message)
	}
	return nil
}

func short(definition string) string {
	if len(definition) > 80 {
		return definition[:77] + "..."
	}
	return definition
}

// Projection answers what planning asks about coordinate systems; it satisfies plan.Projection.
type Projection struct{}

// Check tells whether the definition is a CRS that PROJ knows.
func (Projection) Check(definition string) error {
	_, err := parse(definition)
	return err
}

// Same tells whether two definitions name the same system.
func (Projection) Same(a, b string) bool {
	if a == b {
		return true
	}
	sa, errA := parse(a)
	sb, errB := parse(b)
	if errA != nil || errB != nil {
		return false
	}
	if sa.code != "" && sb.code != "" {
		return sa.code == sb.code
	}
	return sa.key() == sb.key() || sameSystem(sa.key(), sb.key())
}

func sameSystem(a, b string) (same bool) {
	withDatabase(func() { same = isSame(a, b) })
	return same
}

func isSame(a, b string) bool {
	ra, errA := newRef(a)
	rb, errB := newRef(b)
	if errA != nil || errB != nil {
		return false
	}
	defer ra.Close()
	defer rb.Close()
	return ra.IsSame(rb)
}

// Geographic tells whether coordinates are degrees of longitude and latitude.
func (Projection) Geographic(definition string) bool {
	s, err := parse(definition)
	return err == nil && s.geographic
}

// operation is a transform of PROJ's that one goroutine at a time may use.
type operation interface {
	// apply overwrites x and y; points that cannot be mapped become NaN or infinite.
	apply(x, y []float64)
}

// chosen is the operation that PROJ finds in its database to be the best.
type chosen struct{ transform *godal.Transform }

func (c chosen) apply(x, y []float64) {
	ok := make([]bool, len(x))
	_ = c.transform.TransformEx(x, y, nil, ok) // failures are told point by point
	for i, good := range ok {
		if !good {
			x[i], y[i] = math.NaN(), math.NaN()
		}
	}
}

// transformer keeps idle operations: one is not safe for concurrent use, may cost milliseconds to make, and holds C
// memory that no collector frees.
type transformer struct {
	src, dst string
	first    func() error // makes the first operation; whoever else asks meanwhile waits for it
	mu       sync.Mutex
	idle     []operation
}

var transformers sync.Map // [2]string -> *transformer

// Transformer maps coordinates from one CRS to another, x before y in both.
func (Projection) Transformer(src, dst string) (core.Transformer, error) {
	s, err := parse(src)
	if err != nil {
		return nil, err
	}
	d, err := parse(dst)
	if err != nil {
		return nil, err
	}
	if s.key() == d.key() {
		return same{}, nil
	}
	key := [2]string{s.key(), d.key()}
	found, ok := transformers.Load(key)
	if !ok {
		made := &transformer{src: s.key(), dst: d.key()}
		made.first = sync.OnceValue(made.check)
		found, _ = transformers.LoadOrStore(key, made)
	}
	t := found.(*transformer)
	if err := t.first(); err != nil {
		transformers.CompareAndDelete(key, t) // it may have been an accident
		return nil, core.Errorf(core.InvalidArgument, "CRS", "no transform from crs %q to %q: %w", short(src), short(dst), err)
	}
	return t, nil
}

// same is the transform of a CRS to itself: longitudes beyond 180 degrees stay there.
type same struct{}

func (same) Transform(_, _ []float64) {}

// check tells whether there is such a transform, by making one.
func (t *transformer) check() error {
	made, err := t.open()
	if err == nil {
		t.give(made)
	}
	return err
}

func (t *transformer) open() (made operation, err error) {
	if made = newFormula(t.src, t.dst); made == nil {
		withDatabase(func() { made, err = t.choose() })
	}
	return made, err
}

func (t *transformer) choose() (operation, error) {
	src, err := newRef(t.src)
	if err != nil {
		return nil, err
	}
	defer src.Close()
	dst, err := newRef(t.dst)
	if err != nil {
		return nil, err
	}
	defer dst.Close()
	transform, err := godal.NewTransform(src, dst, godal.ErrLogger(godal.ErrorHandler(ignoreWarnings)))
	return chosen{transform}, err
}

func (t *transformer) take() (operation, error) {
	t.mu.Lock()
	if n := len(t.idle); n > 0 {
		taken := t.idle[n-1]
		t.idle = t.idle[:n-1]
		t.mu.Unlock()
		return taken, nil
	}
	t.mu.Unlock()
	return t.open()
}

func (t *transformer) give(taken operation) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.idle = append(t.idle, taken)
}

// atOnce bounds the goroutines that are inside PROJ: each holds an operating-system thread, which Go never
// gives back.
var atOnce = semaphore.NewWeighted(int64(core.Processors()))

// Transform overwrites x and y; points that cannot be mapped become NaN.
func (t *transformer) Transform(x, y []float64) {
	if len(x) == 0 {
		return
	}
	_ = atOnce.Acquire(context.Background(), 1) // without a deadline it cannot fail
	defer atOnce.Release(1)
	taken, err := t.take()
	if err != nil {
		for i := range x {
			x[i], y[i] = math.NaN(), math.NaN()
		}
		return
	}
	taken.apply(x, y)
	t.give(taken)
	for i := range x {
		if math.IsNaN(x[i]) || math.IsNaN(y[i]) || math.IsInf(x[i], 0) || math.IsInf(y[i], 0) {
			x[i], y[i] = math.NaN(), math.NaN()
		}
	}
}

// ringPoints is the number of points on each edge of a densified box: an Albers box 1,300 km wide
// needs about this many for its bulge to be true within 100 m.
const ringPoints = 64

// Ring gives the outline of a box in a CRS as a closed ring of (longitude, latitude), its edges
// densified. Points that cannot be mapped are left out.
func Ring(definition string, box [4]float64) ([][2]float64, error) {
	t, err := Projection{}.Transformer(definition, "EPSG:4326")
	if err != nil {
		return nil, err
	}
	corners := [5][2]float64{{box[0], box[1]}, {box[2], box[1]}, {box[2], box[3]}, {box[0], box[3]}, {box[0], box[1]}}
	var x, y []float64
	for i := range 4 {
		a, b := corners[i], corners[i+1]
		for k := range ringPoints {
			f := float64(k) / ringPoints
			x = append(x, a[0]+(b[0]-a[0])*f)
			y = append(y, a[1]+(b[1]-a[1])*f)
		}
	}
	t.Transform(x, y)
	ring := make([][2]float64, 0, len(x)+1)
	for i := range x {
		if !math.IsNaN(x[i]) {
			ring = append(ring, [2]float64{x[i], y[i]})
		}
	}
	if len(ring) < 3 {
		return nil, core.Errorf(core.InvalidArgument, "BBox", "bbox %v lies outside what crs %q can map to longitude and latitude",
			box, short(definition))
	}
	return append(ring, ring[0]), nil
}

// EPSG writes the definition of a code.
func EPSG(code int) string { return "EPSG:" + strconv.Itoa(code) }
