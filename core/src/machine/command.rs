use super::call::Call;
use super::effect::Command;
use super::phase::{Phase, Trigger};
use super::rollout::Rollout;
use crate::error::{Error, ErrorKind};
use crate::event::{Cause, EventKind};
use crate::units::Weight;

impl Rollout {
    /// Does what a person or program wants, or says why that does not fit.
    pub(super) fn obey(&mut self, command: Command) -> Result<(), Error> {
        let unfit = |why: &str| Err(Error::new(ErrorKind::WrongState, why));
        if self.phase == Phase::RollingBack {
            return unfit("the rollout is being rolled back, and nothing stops that");
        }
        match command {
            Command::Abort { .. } if self.phase == Phase::Creating => {
                return unfit("the alias is being created, and has nothing to go back to");
            }
            Command::Abort { reason } => self.put_back(Cause::Abort { reason }),
            Command::Pause if self.paused => return unfit("the rollout is paused already"),
            Command::Pause => {
                self.paused = true;
                self.hold.pause(self.now);
                if let Some(hold) = self.memory.hold() {
                    hold.stop(self.now);
                }
                self.emit(EventKind::Paused);
            }
            Command::Resume if self.paused => {
                self.paused = false;
                self.hold.resume(self.now);
                if let Some(hold) = self.memory.hold() {
                    hold.go(self.now);
                }
                self.emit(EventKind::Resumed);
            }
            Command::Resume if self.phase == Phase::Gated => {
                self.emit(EventKind::Resumed);
                self.approved();
            }
            Command::Resume => return unfit("the rollout neither is paused nor waits for approval"),
            Command::Promote => return self.promote_now(),
        }
        Ok(())
    }

    fn promote_now(&mut self) -> Result<(), Error> {
        match self.phase {
            // The bake follows a hook that could not tell, as it follows one that passed.
            Phase::Gated if self.is_at_full() => {
                self.paused = false;
                self.approved();
            }
            Phase::Baking => {
                self.paused = false;
                self.go(Trigger::EndBake);
                self.hold.clear();
                self.issue(Call::Confirm);
            }
            Phase::Ready | Phase::Holding | Phase::Gated if self.alias.is_some() => {
                self.paused = false;
                self.promote_asked = true;
                self.go(Trigger::Promote);
                self.write_weight(Weight::FULL);
            }
            Phase::Shifting => {
                self.paused = false;
                self.promote_asked = true;
            }
            Phase::Promoting | Phase::AfterHook | Phase::Confirming => {
                return Err(Error::new(
                    ErrorKind::WrongState,
                    "all traffic is on the canary version already",
                ));
            }
            _ => return Err(Error::new(ErrorKind::WrongState, "pre-flight has not passed yet")),
        }
        Ok(())
    }

    fn approved(&mut self) {
        if self.is_at_full() {
            self.go(Trigger::ApprovedAtFull);
            self.begin_bake();
        } else {
            self.go(Trigger::Approved);
            self.clear_since = self.now;
        }
    }
}
