package cloud

import (
	"os"
	"path/filepath"
	"strings"
)

// Environment are the variables that credentials and servers depend on, as Python has them at the time
// of the call: Go's own copy is that of the process's start.
type Environment map[string]string

// first gives the first of the variables that is set.
func (e Environment) first(names ...string) string {
	for _, name := range names {
		if e[name] != "" {
			return e[name]
		}
	}
	return ""
}

// is reads a switch.
func (e Environment) is(name string) bool {
	switch strings.ToLower(e[name]) {
	case "true", "1", "yes", "on", "requester":
		return true
	}
	return false
}

// home is the user's home folder.
func (e Environment) home() string {
	if e["HOME"] != "" {
		return e["HOME"]
	}
	home, _ := os.UserHomeDir()
	return home
}

// options gives what the environment says of all buckets of a kind: where they are, and never a secret.
func (e Environment) options(k kind) options {
	set := options{}
	put := func(name, value string) {
		if value != "" {
			set[name] = value
		}
	}
	switch k {
	case s3:
		put("region", e.first("AWS_REGION", "AWS_DEFAULT_REGION"))
		put("endpoint", e.first("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT", "AWS_S3_ENDPOINT"))
		if e.is("AWS_SKIP_SIGNATURE") || strings.EqualFold(e["AWS_NO_SIGN_REQUEST"], "yes") {
			set["anonymous"] = "true"
		}
		if e.is("AWS_REQUEST_PAYER") {
			set["requester_pays"] = "true"
		}
		if style := e.first("AWS_VIRTUAL_HOSTED_STYLE_REQUEST", "AWS_VIRTUAL_HOSTING"); style != "" {
			set["virtual_hosted_style_request"], _ = textOf("virtual_hosted_style_request", style)
		}
	case gcs:
		put("endpoint", e.first("GOOGLE_BASE_URL", "STORAGE_EMULATOR_HOST"))
		put("project", e.first("GOOGLE_CLOUD_PROJECT", "GS_USER_PROJECT"))
		if e.is("GOOGLE_SKIP_SIGNATURE") {
			set["anonymous"] = "true"
		}
	case azure:
		put("endpoint", e.first("AZURE_STORAGE_ENDPOINT", "AZURE_ENDPOINT"))
		put("account_name", e.first("AZURE_STORAGE_ACCOUNT_NAME", "AZURE_STORAGE_ACCOUNT"))
		put("authority_host", e.first("AZURE_STORAGE_AUTHORITY_HOST", "AZURE_AUTHORITY_HOST"))
		if e.is("AZURE_SKIP_SIGNATURE") {
			set["anonymous"] = "true"
		}
		if e.is("AZURE_STORAGE_USE_EMULATOR") {
			set["use_emulator"] = "true"
		}
	}
	if endpoint := set["endpoint"]; endpoint != "" && !strings.Contains(endpoint, "://") {
		set["endpoint"] = "http://" + endpoint // as STORAGE_EMULATOR_HOST is written
	}
	return set
}

// machine tells whether the firmware names a cloud: only there is a metadata service worth a request.
func machine(vendor string) bool {
	for _, file := range []string{"sys_vendor", "board_vendor", "product_name", "bios_vendor"} {
		text, err := os.ReadFile(filepath.Join("/sys/class/dmi/id", file))
		if err == nil && strings.Contains(string(text), vendor) {
			return true
		}
	}
	return false
}
