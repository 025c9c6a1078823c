package cloud

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"

	"cogweave/core"
	"cogweave/fetch/httpstore"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials/ec2rolecreds"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/feature/ec2/imds"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// awsCredential looks where Amazon's own tools look, in their order: variables, a web identity, the
// profile (keys, roles, single sign-on, a process), the container, the machine. nil: nowhere is any.
func awsCredential(ctx context.Context, set options, env Environment, via http.RoundTripper) (*credential, error) {
	if set["profile"] == "" && env["AWS_ACCESS_KEY_ID"] != "" && env["AWS_SECRET_ACCESS_KEY"] != "" {
		return &credential{AccessKeyID: env["AWS_ACCESS_KEY_ID"], SecretAccessKey: env["AWS_SECRET_ACCESS_KEY"],
			Token: env.first("AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN")}, nil
	}
	region := set["region"]
	if region == "" {
		region = defaultRegion
	}
	client := kitClient(via)
	var provider aws.CredentialsProvider
	guessed := false // that the machine itself has a role
	file, role := env["AWS_WEB_IDENTITY_TOKEN_FILE"], env["AWS_ROLE_ARN"]
	if set["profile"] == "" && file != "" && role != "" {
		service := sts.New(sts.Options{Region: region, HTTPClient: client, BaseEndpoint: tokenService(env)})
		provider = stscreds.NewWebIdentityRoleProvider(service, role, stscreds.IdentityTokenFile(file), func(o *stscreds.WebIdentityRoleOptions) {
			o.RoleSessionName = env["AWS_ROLE_SESSION_NAME"]
		})
	} else {
		cfg, err := loadProfile(ctx, set, env, region, client)
		if err != nil {
			return nil, err
		}
		provider = cfg.Credentials
		if cache, ok := provider.(*aws.CredentialsCache); ok && cache.IsCredentialsProvider(&ec2rolecreds.Provider{}) {
			var stop context.CancelFunc
			ctx, stop = context.WithTimeout(ctx, metadataWait)
			defer stop()
			guessed = env["AWS_EC2_METADATA_SERVICE_ENDPOINT"] == ""
		}
	}
	found, err := provider.Retrieve(ctx)
	if guessed && errors.Is(err, context.DeadlineExceeded) {
		return nil, nil // from within a container the machine's service is often out of reach
	}
	if err != nil {
		return nil, unlessNone(err)
	}
	c := &credential{AccessKeyID: found.AccessKeyID, SecretAccessKey: found.SecretAccessKey, Token: found.SessionToken}
	if found.CanExpire {
		c.expires = found.Expires
	}
	return c, nil
}

// tokenService is the address that the environment names for the service that gives tokens; nil: the region's.
func tokenService(env Environment) *string {
	if address := env.first("AWS_ENDPOINT_URL_STS", "AWS_ENDPOINT_URL"); address != "" && !env.is("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS") {
		return &address
	}
	return nil
}

// kitClient is a client of the kit's own kind, since it takes no other where AWS_CA_BUNDLE is set. It
// uses our proxies and certificates, and may talk to the metadata services.
func kitClient(via http.RoundTripper) aws.HTTPClient {
	client := awshttp.NewBuildableClient()
	ours, ok := via.(httpstore.Way)
	if !ok {
		return client
	}
	return client.WithTransportOptions(func(t *http.Transport) {
		t.Proxy = func(r *http.Request) (*url.URL, error) {
			if isMetadata(r.URL.Hostname()) {
				return nil, nil
			}
			return ours.Proxy(r)
		}
		if roots := ours.Roots(); roots != nil {
			t.TLSClientConfig.RootCAs = roots.Clone()
		}
	})
}

// profile is the profile that the options or the environment name, and the files to find it in.
type profile struct {
	name        string
	asked       bool // else it is the one that need not exist
	config, key string
}

func profileOf(set options, env Environment) profile {
	p := profile{name: set["profile"]}
	if p.name == "" {
		p.name = env.first("AWS_PROFILE", "AWS_DEFAULT_PROFILE")
	}
	if p.asked = p.name != ""; !p.asked {
		p.name = "default"
	}
	if p.config = env["AWS_CONFIG_FILE"]; p.config == "" {
		p.config = filepath.Join(env.home(), ".aws", "config")
	}
	if p.key = env["AWS_SHARED_CREDENTIALS_FILE"]; p.key == "" {
		p.key = filepath.Join(env.home(), ".aws", "credentials")
	}
	return p
}

// loadProfile has the kit resolve a profile. It is always given by name, with its files: the kit's own
// look into the environment would see that of the process's start.
func loadProfile(ctx context.Context, set options, env Environment, region string, client aws.HTTPClient) (aws.Config, error) {
	state, metadata := imds.ClientDisabled, env["AWS_EC2_METADATA_SERVICE_ENDPOINT"]
	if !strings.EqualFold(env["AWS_EC2_METADATA_DISABLED"], "true") && (metadata != "" || machine("Amazon EC2")) {
		state = imds.ClientEnabled
	}
	common := []func(*config.LoadOptions) error{config.WithRegion(region), config.WithHTTPClient(client),
		config.WithEC2IMDSClientEnableState(state), config.WithEC2IMDSEndpoint(metadata)}
	p := profileOf(set, env)
	cfg, err := config.LoadDefaultConfig(ctx, append(common, config.WithSharedConfigProfile(p.name),
		config.WithSharedConfigFiles([]string{p.config}), config.WithSharedCredentialsFiles([]string{p.key}))...)
	var missing config.SharedConfigProfileNotExistError
	switch {
	case err == nil || !errors.As(err, &missing):
		return cfg, err
	case p.asked:
		return cfg, core.Errorf(core.InvalidArgument, "Profile", "there is no AWS profile %q", p.name)
	}
	return config.LoadDefaultConfig(ctx, append(common, config.WithSharedConfigFiles(nil), config.WithSharedCredentialsFiles(nil))...)
}

// unlessNone is nil for the error of a machine that simply has no credentials to give: the last place
// looked at is the metadata service, which is off, or knows no role.
func unlessNone(err error) error {
	if strings.Contains(err.Error(), "EC2 IMDS") {
		return nil
	}
	return err
}

// profileRegion is the region that the user's profile names, or "".
func profileRegion(env Environment, name string) string {
	p := profileOf(options{"profile": name}, env)
	found, err := config.LoadSharedConfigProfile(context.Background(), p.name, func(o *config.LoadSharedConfigOptions) {
		o.ConfigFiles, o.CredentialsFiles = []string{p.config}, []string{p.key}
	})
	if err != nil {
		return ""
	}
	return found.Region
}
