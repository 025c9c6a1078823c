package cloud

import (
	"context"
	"net/http"
)

// String is the kind's name in messages.
func (k kind) String() string { return [...]string{"", "S3", "Google", "Azure"}[k] }

// credentialNames are the options that let somebody in, by kind.
var credentialNames = map[kind][]string{
	s3:    {"access_key_id", "secret_access_key", "session_token"},
	gcs:   {"bearer_token", "credentials_file", "credentials_json"},
	azure: {"account_key", "sas_token", "bearer_token", "client_id", "client_secret", "tenant_id", "federated_token_file", "use_azure_cli", "use_emulator"},
}

// explicit gives a key for the credentials among settings, or "" where there are none. It is made of
// secrets, and stays in memory.
func explicit(k kind, set options) string {
	key := ""
	for _, name := range credentialNames[k] {
		if set[name] != "" {
			key += name + "=" + set[name] + "\x00"
		}
	}
	return key
}

// explicitSource is the source of credentials that stand in settings.
func explicitSource(at location, set options) *source {
	const how = "storage="
	switch at.kind {
	case s3:
		return fixed(how, &credential{AccessKeyID: set["access_key_id"], SecretAccessKey: set["secret_access_key"], Token: set["session_token"]})
	case gcs:
		if set["bearer_token"] != "" {
			return fixed(how, &credential{Token: set["bearer_token"]})
		}
		return newSource(how, func(ctx context.Context, via http.RoundTripper) (*credential, error) {
			if set["credentials_file"] != "" {
				return googleFile(ctx, set["credentials_file"], via)
			}
			return googleToken(ctx, []byte(set["credentials_json"]), via)
		})
	}
	if set["sas_token"] != "" {
		return fixed(how, &credential{SAS: set["sas_token"]})
	}
	if set["bearer_token"] != "" {
		return fixed(how, &credential{Token: set["bearer_token"]})
	}
	return newSource(how, func(ctx context.Context, via http.RoundTripper) (*credential, error) {
		switch account := accountOf(at, set); {
		case set["account_key"] != "":
			return sharedKey(account, set["account_key"], at.bucket)
		case set.is("use_emulator"):
			return sharedKey(account, emulatorKey, at.bucket)
		}
		return azureToken(ctx, set, via, false)
	})
}

// environmentCredential looks for credentials in the environment.
func environmentCredential(ctx context.Context, at location, set options, env Environment, via http.RoundTripper) (*credential, error) {
	switch at.kind {
	case s3:
		return awsCredential(ctx, set, env, via)
	case gcs:
		return googleCredential(ctx, env, via)
	}
	return azureCredential(ctx, at, set, env, via)
}
