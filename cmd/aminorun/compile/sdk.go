package compile

import (
	"os"
	"path/filepath"

	"amino.run/abi"
)

// EnvSDK names the environment variable that says where the directory guest-sdks is.
const EnvSDK = "AMINO_SDK"

// findSDK returns the directory guest-sdks: the one that AMINO_SDK names, else the
// nearest one above dir, else "".
func findSDK(dir string) (string, error) {
	if sdk := os.Getenv(EnvSDK); sdk != "" {
		sdk, err := filepath.Abs(sdk)
		if err != nil {
			return "", err
		}
		if !isSDK(sdk) {
			return "", abi.Errorf(abi.NotFound, "%s is %s, which is not the directory guest-sdks of Amino.Run", EnvSDK, sdk)
		}
		return sdk, nil
	}
	for ; ; dir = filepath.Dir(dir) {
		if sdk := filepath.Join(dir, "guest-sdks"); isSDK(sdk) {
			return sdk, nil
		}
		if dir == filepath.Dir(dir) {
			return "", nil
		}
	}
}

func isSDK(dir string) bool { return exists(filepath.Join(dir, "CONFORMANCE.md")) }

// needSDK returns the directory of a language's SDK, for the compilers that have to
// be told.
func (j *job) needSDK(name string) (string, error) {
	if j.sdk == "" {
		return "", abi.Errorf(abi.NotFound, "the %s SDK is not found: there is no guest-sdks above %s\nset %s to the directory guest-sdks of a copy of Amino.Run",
			name, j.dir, EnvSDK)
	}
	return filepath.Join(j.sdk, name), nil
}

// sdkPath returns the directory of a language's SDK as advice shows it.
func (j *job) sdkPath(name string) string {
	if j.sdk == "" {
		return "PATH-TO-AMINO.RUN/guest-sdks/" + name
	}
	return filepath.Join(j.sdk, name)
}
