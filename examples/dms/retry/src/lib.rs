use amino::{Code, Error, Result, Value};

/// How long a call is sent again, and how long the pauses are.
pub struct Retry {
    timeout_ms: i64,
    pause_ms: i64,
}

/// Sends a call again while that may help.
#[amino::microservice]
impl Retry {
    /// timeout_ms: for all attempts together; 20000 if it is not given
    /// pause_ms: before the second attempt; doubles after each; 20 if it is not given
    pub fn new(#[default = 20_000] timeout_ms: i64, #[default = 20] pause_ms: i64) -> Result<Self> {
        if timeout_ms <= 0 || pause_ms <= 0 {
            return Err(Error::new("timeout_ms and pause_ms are more than zero"));
        }
        Ok(Retry { timeout_ms, pause_ms })
    }

    /// Says what comes after it in a chain.
    pub fn concerns(&self) -> std::collections::BTreeMap<String, Vec<String>> {
        [("before".to_string(), vec!["routes".to_string()])].into()
    }

    /// Beside each caller: sends the call on, and on again.
    pub fn proxy(&self, call: Value) -> Result<Vec<u8>> {
        let end = now_ms() + self.timeout_ms;
        let mut pause = self.pause_ms;
        let mut may_have_run = false;
        loop {
            let error = match amino::call::<Vec<u8>>("dm", "next", (call.clone(),)) {
                Err(e) if retryable(e.code()) => e,
                answer => return answer,
            };
            may_have_run |= error.code() == Code::UNAVAILABLE;
            let wait = pause - amino::call::<i64>("dm", "rand", (pause / 2 + 1,))?;
            if now_ms() + wait >= end {
                let code = if may_have_run { Code::UNAVAILABLE } else { error.code() };
                return Err(Error::with_code(code, format!("tried for {} ms: {error}", self.timeout_ms)));
            }
            amino::call::<()>("dm", "sleep", (wait,))?;
            pause = (2 * pause).min(1000);
        }
    }
}

fn retryable(code: Code) -> bool {
    [Code::UNAVAILABLE, Code::OVERLOADED, Code::LEASED, Code::NOT_LEADER].contains(&code)
}

fn now_ms() -> i64 {
    (amino::now().nanos() / 1_000_000) as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_a_timeout_of_nothing() {
        assert!(Retry::new(0, 20).is_err());
        assert!(Retry::new(20, 0).is_err());
    }

    #[test]
    fn sends_again_what_did_not_get_through() {
        assert!(retryable(Code::UNAVAILABLE) && retryable(Code::LEASED));
        assert!(!retryable(Code::APPLICATION) && !retryable(Code::CONFLICT));
    }
}
