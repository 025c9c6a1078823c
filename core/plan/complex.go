package plan

import "cogweave/core"

// checkComplex tells whether the request asks for no more of complex pixels than copying them.
func (p *Plan) checkComplex(req Request) error {
	for b := range p.Bands {
		band := &p.Bands[b]
		if !band.DType.IsComplex() {
			continue
		}
		wrong := ""
		switch {
		case p.kernels[b] != core.Nearest:
			wrong = "resampling " + string(p.kernels[b])
		case p.Method.Name != "first" && p.Method.Name != "last":
			wrong = "mosaic_method " + p.Method.Name
		case req.Scale:
			wrong = "scale=True"
		case req.DType != "":
			wrong = "dtype " + string(req.DType)
		case req.NoData != nil:
			wrong = "nodata"
		default:
			continue
		}
		return core.Errorf(core.InvalidArgument, "DType", "band %q has complex pixels, which are copied and nothing else: leave out %s", band.Name, wrong)
	}
	return nil
}
