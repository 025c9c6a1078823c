package cloud

import (
	"cmp"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"cogweave/core"
)

// options are what is said of a bucket, by canonical name. Switches are "true" or "false".
type options map[string]string

func (o options) is(name string) bool { return o[name] == "true" }

// Options are a caller's options of stores, by prefix. They are immutable.
type Options struct {
	rules []rule // the most specific first
}

// rule are the options of all that lies below a prefix.
type rule struct {
	prefix string
	at     location
	set    options
}

// names of options, as obstore has them, and what each is called here. Prefixes "aws_", "google_",
// "azure_storage_" and "azure_" may stand before any of them. What concerns writing is not among them.
var names = map[kind]map[string]string{
	s3: {
		"access_key_id": "access_key_id", "secret_access_key": "secret_access_key",
		"session_token": "session_token", "token": "session_token",
		"region": "region", "default_region": "region", "profile": "profile",
		"endpoint": "endpoint", "endpoint_url": "endpoint", "endpoint_url_s3": "endpoint",
		"virtual_hosted_style_request": "virtual_hosted_style_request",
		"request_payer":                "requester_pays", "requester_pays": "requester_pays",
	},
	gcs: {
		"service_account": "credentials_file", "service_account_path": "credentials_file", "application_credentials": "credentials_file",
		"service_account_key": "credentials_json", "bearer_token": "bearer_token", "token": "bearer_token",
		"base_url": "endpoint", "endpoint": "endpoint",
		"user_project": "project", "project": "project", "request_payer": "requester_pays", "requester_pays": "requester_pays",
	},
	azure: {
		"account_name": "account_name", "account_key": "account_key", "access_key": "account_key", "master_key": "account_key",
		"sas_token": "sas_token", "sas_key": "sas_token", "bearer_token": "bearer_token", "token": "bearer_token",
		"client_id": "client_id", "client_secret": "client_secret", "tenant_id": "tenant_id", "authority_id": "tenant_id",
		"authority_host": "authority_host", "federated_token_file": "federated_token_file",
		"endpoint": "endpoint", "use_emulator": "use_emulator", "use_azure_cli": "use_azure_cli",
	},
}

// shared are the options of every kind.
var shared = map[string]string{
	"skip_signature": "anonymous", "anonymous": "anonymous",
	"allow_http": "allow_http", "credential_provider": "credential_provider", "allow_env_credentials": "allow_env_credentials",
}

var switches = map[string]bool{
	"virtual_hosted_style_request": true, "requester_pays": true, "use_emulator": true, "use_azure_cli": true,
	"anonymous": true, "allow_env_credentials": true, "allow_http": true,
}

var prefixes = map[kind][]string{s3: {"aws_"}, gcs: {"google_"}, azure: {"azure_storage_", "azure_"}}

// ParseOptions checks options by URL prefix, such as "s3://bucket", in obstore's names.
func ParseOptions(storage map[string]map[string]any) (*Options, error) {
	o := &Options{}
	for _, prefix := range slices.Sorted(maps.Keys(storage)) {
		at, err := locate(strings.TrimSuffix(prefix, "/"))
		if strings.HasSuffix(prefix, "://") {
			at, err = locate(prefix)
		}
		if err != nil {
			return nil, core.Errorf(core.InvalidArgument, "Storage",
				"storage: %s is not a bucket that options belong to, such as s3://bucket, gs://bucket, az://container, abfs://container@account.dfs.core.windows.net or https://account.blob.core.windows.net", core.Redact(prefix))
		}
		r := rule{prefix: core.Redact(prefix), at: at, set: options{}}
		for _, name := range slices.Sorted(maps.Keys(storage[prefix])) {
			if err := r.put(name, storage[prefix][name]); err != nil {
				return nil, err
			}
		}
		if err := r.check(); err != nil {
			return nil, err
		}
		o.rules = append(o.rules, r)
	}
	slices.SortStableFunc(o.rules, func(a, b rule) int { return cmp.Compare(b.at.depth(), a.at.depth()) })
	return o, nil
}

// depth tells which of two prefixes says more.
func (l location) depth() int {
	depth := len(l.key)
	for _, part := range []string{l.account, l.bucket, l.key} {
		if part != "" {
			depth += 1 << 16
		}
	}
	return depth
}

// put sets one option. Its value never appears in an error.
func (r *rule) put(name string, value any) error {
	known := maps.Clone(names[r.at.kind])
	maps.Copy(known, shared)
	short := strings.ToLower(name)
	for _, prefix := range prefixes[r.at.kind] {
		if _, ok := known[short]; !ok {
			short = strings.TrimPrefix(short, prefix)
		}
	}
	canonical, ok := known[short]
	if !ok {
		all := slices.Sorted(maps.Keys(known))
		hint := "known are " + strings.Join(all, ", ")
		if near := core.NearestNames(short, all); len(near) > 0 {
			hint = "did you mean " + strings.Join(near, " or ") + "?"
		}
		return core.Errorf(core.InvalidArgument, "Storage", "storage: %s: unknown option %q; %s", r.prefix, name, hint)
	}
	text, err := textOf(canonical, value)
	if err != nil {
		return core.Errorf(core.InvalidArgument, "Storage", "storage: %s: option %q %w", r.prefix, name, err)
	}
	r.set[canonical] = text
	return nil
}

// textOf writes a value as options has it.
func textOf(name string, value any) (string, error) {
	switch v := value.(type) {
	case bool:
		if switches[name] {
			return fmt.Sprint(v), nil
		}
	case string:
		if !switches[name] {
			return v, nil
		}
		switch strings.ToLower(v) {
		case "true", "1", "yes", "on", "requester":
			return "true", nil
		case "false", "0", "no", "off", "":
			return "false", nil
		}
	}
	if switches[name] {
		return "", fmt.Errorf("must be True or False")
	}
	return "", fmt.Errorf("must be text")
}

// check refuses combinations that cannot be meant.
func (r *rule) check() error {
	fail := func(format string, args ...any) error {
		return core.Errorf(core.InvalidArgument, "Storage", "storage: %s: %s", r.prefix, fmt.Sprintf(format, args...))
	}
	if region := r.set["region"]; region != "" && !regionName.MatchString(region) {
		return fail("option \"region\" is not the name of a region")
	}
	if account := r.set["account_name"]; account != "" && !accountName.MatchString(account) {
		return fail("option \"account_name\" is not the name of an account")
	}
	if endpoint := r.set["endpoint"]; endpoint != "" {
		if u, err := url.Parse(endpoint); err != nil || u.Host == "" || u.User != nil || u.Scheme != "http" && u.Scheme != "https" {
			return fail("option \"endpoint\" is not an http or https URL")
		}
		if strings.HasPrefix(endpoint, "http:") && r.set["allow_http"] == "false" {
			return fail("option \"endpoint\" is not an https URL, and allow_http is False")
		}
	}
	if (r.set["access_key_id"] == "") != (r.set["secret_access_key"] == "") {
		return fail("access_key_id and secret_access_key belong together")
	}
	return nil
}

// of gives the options for an object, and whether the caller has named its bucket.
func (o *Options) of(at location) (set options, named bool) {
	if r := o.find(at); r != nil {
		return r.set, true
	}
	return nil, false
}

// find gives the most specific rule for an object, or nil.
func (o *Options) find(at location) *rule {
	for i := range o.rules {
		if o.rules[i].covers(at) {
			return &o.rules[i]
		}
	}
	return nil
}

// covers tells whether an object lies below the rule's prefix. Credentials for one of Azure's accounts
// are not for another's container of the same name.
func (r *rule) covers(at location) bool {
	l := &r.at
	account := l.account
	if account == "" {
		account = r.set["account_name"]
	}
	switch {
	case l.kind != at.kind, l.bucket != "" && l.bucket != at.bucket, !strings.HasPrefix(at.key, l.key):
		return false
	case l.key != "" && len(at.key) > len(l.key) && at.key[len(l.key)] != '/':
		return false
	case at.account == "":
		return l.account == ""
	case account == "":
		return explicit(l.kind, r.set) == "" && r.set["credential_provider"] == ""
	}
	return account == at.account
}
